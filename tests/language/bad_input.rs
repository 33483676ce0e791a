//! Data that no model should take: each is turned down, with what is wrong, where it is, and what to do about it.

use std::fs;
use std::io::ErrorKind::NotFound;
use std::path::PathBuf;

use hierarch::model::{DataError, DataSet, Values, check};
use proptest::test_runner::Config as ProptestConfig;
use proptest::{prop_assert_eq, proptest};
use tempfile::{TempDir, tempdir};

hierarch::model! {
    pub Flat {
        global mu ~ Normal(0.0, 1.0);
        plate events(1..=4) {
            given weight: f64;
            observe x ~ Normal(mu, weight);
        }
    }
}

hierarch::model! {
    pub Fixed {
        global mu ~ Normal(0.0, 1.0);
        plate rounds(3) {
            observe y ~ Normal(mu, 1.0);
        }
    }
}

hierarch::model! {
    pub Nested {
        global mu ~ Normal(0.0, 1.0);
        observe total ~ Normal(mu, 1.0);
        plate counties(1..=3) {
            given floor: f64;
            plate houses(1..=2) {
                observe radon ~ Normal(mu + floor, 1.0);
            }
        }
    }
}

hierarch::model! {
    pub Supports {
        param longest: f64 = 10.0;
        global rate ~ Uniform(0.0, 1.0);
        plate visits(1..=4) {
            observe wait ~ Exponential(rate);
            observe share ~ Uniform(0.0, 1.0);
            observe calls ~ Poisson(rate);
            observe votes ~ Binomial(5.0, rate);
            observe late ~ Bernoulli(rate);
            observe kind ~ Categorical([0.2, 0.3, 0.5]);
            observe drop[2] ~ Uniform(0.0, longest);
        }
    }
}

hierarch::model! {
    /// Which support an observation has is not known.
    pub Either {
        plate events(1..=4) {
            local early ~ Bernoulli(0.5);
            observe x ~ if early { Uniform(-1.0, 0.0) } else { Exponential(1.0) };
        }
    }
}

hierarch::model! {
    pub Items {
        plate subjects(2) {
            local ability ~ Normal(0.0, 1.0);
        }
        plate responses(1..=10) {
            given subject: index(subjects);
            observe score ~ Normal(ability[subject], 1.0);
        }
    }
}

hierarch::model! {
    pub Count {
        global rate ~ Exponential(1.0);
        plate events(n ~ Poisson(rate)) {
            observe x ~ Normal(0.0, 1.0);
        }
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

/// That an error is of a kind and says certain things.
macro_rules! assert_error {
    ($result:expr, $kind:pat $(if $guard:expr)?, $($part:expr),+ $(,)?) => {{
        let error = $result.unwrap_err();
        let text = error.to_string();
        assert!(matches!(&error, $kind $(if $guard)?), "{error:?}");
        $(assert!(text.contains($part), "no {:?} in: {text}", $part);)+
    }};
}

/// The error about a table of the model `Flat`.
macro_rules! assert_flat {
    ($text:expr, $kind:pat, $($part:expr),+ $(,)?) => {{
        let folder = Folder::new();
        assert_error!(FlatData::from_csv(folder.write("flat.csv", $text)), $kind, "flat.csv", $($part),+);
    }};
}

#[test]
fn numbers_that_are_not_finite() {
    for value in ["NaN", "nan", "inf", "-Infinity", "NA", "", "1e999"] {
        let quoted = format!("`{value}`");
        assert_flat!(
            format!("x,weight\n1,1\n{value},2\n"),
            DataError::Entry { .. },
            "line 3",
            &quoted,
            "the column `x`",
            ": remove the row or correct it"
        );
    }
}

#[test]
fn numbers_that_are_not_finite_in_memory() {
    for value in [f64::NAN, f64::INFINITY] {
        let events = FlatEvents { weight: vec![1.0, 1.0], x: vec![0.0, value] };
        let error = check(&Flat {}, &FlatData { events });
        assert_error!(error, DataError::NotFinite { .. }, "`x` of element 1 of the plate `events`", &value.to_string());
    }
}

#[test]
fn text_where_a_number_should_be() {
    assert_flat!("x,weight\n1,1\nlow,2\n", DataError::Entry { .. }, "line 3: `low`", "column `x`", "a number such as");
    assert_flat!(
        "x,weight\n\"1,5\",1\n",
        DataError::Entry { .. },
        "line 2: `1,5`",
        "column `x`",
        "a number with a decimal point, such as 1.5"
    );
}

#[test]
fn lines_are_counted_with_the_blank_ones() {
    assert_flat!("\n\nx,weight\n1,1\n\n\r\nlow,2\n", DataError::Entry { .. }, "line 7: `low`");
}

#[test]
fn a_missing_column() {
    assert_flat!("x,mass\n1,1\n", DataError::MissingColumn { .. }, "no column `weight`", "`x`, `mass`");
    for near in ["Weight", "WEIGHT", "_weight"] {
        let hint = format!("is `{near}` meant?");
        assert_flat!(format!("x,{near}\n1,1\n"), DataError::MissingColumn { .. }, "no column `weight`", &hint);
    }
    assert_flat!("x,weight,x\n1,1,2\n", DataError::Table { .. }, "two columns are called `x`");
}

#[test]
fn a_file_with_nothing_in_it() {
    assert_flat!("", DataError::EmptyFile { .. }, "no rows");
    assert_flat!("\u{feff}\n \n", DataError::EmptyFile { .. }, "no rows");
    assert_flat!("x,weight\n", DataError::EmptyFile { .. }, "no rows");
}

#[test]
fn a_file_that_is_not_there() {
    let folder = Folder::new();
    let path = folder.0.path().join("nowhere.csv");
    assert_error!(FlatData::from_csv(&path), DataError::File { source, .. } if source.kind() == NotFound, "nowhere.csv");
    fs::create_dir(folder.0.path().join("nothing")).unwrap();
    let path = folder.0.path().join("nothing");
    assert_error!(FlatData::from_csv(&path), DataError::File { source, .. } if source.kind() == NotFound, "events.csv");
}

#[test]
fn a_file_that_is_no_table() {
    assert_flat!(b"x,weight\n\xff\xfe,1\n", DataError::Table { .. }, "line 2", "UTF-8");
    assert_flat!("x,weight\n1,2,3\n1,2\n", DataError::Table { .. }, "line 2 has 3 fields", "2", "in quotes");
}

#[test]
fn a_blank_in_a_table_of_one_column() {
    let folder = Folder::new();
    let path = folder.write("y.csv", "y\n1\n\n3\n4\n");
    assert_error!(FixedData::from_csv(&path), DataError::Table { .. }, "line 3 is blank");
    let path = folder.write("y.csv", "y\n1\n2\n3\n \n\n");
    assert_eq!(FixedData::from_csv(path).unwrap().rounds.y, [1.0, 2.0, 3.0]);
}

#[test]
fn a_table_cut_short() {
    assert_flat!("x,weight\n1,1\n2", DataError::Table { .. }, "line 3 has 1 of the 2 fields", "may be cut short");
    assert_flat!("x,weight\n1\n2,1\n", DataError::Table { .. }, "line 2 has 1 of the 2 fields of the header");
}

/// A folder of the model `Nested`, with the files that are given.
fn nested(counties: &str, houses: &str) -> Folder {
    let folder = Folder::new();
    folder.write("outside.csv", "total\n1\n");
    folder.write("counties.csv", counties);
    folder.write("houses.csv", houses);
    folder
}

#[test]
fn a_folder_cut_short() {
    let counties = "floor,houses\n0,2\n1,1\n";
    let whole = nested(counties, "radon\n1\n2\n3\n");
    let data = NestedData::from_csv(whole.0.path()).unwrap();
    assert_eq!(data.counties.houses.offsets, [0, 2, 3]);

    let short = nested(counties, "radon\n1\n2\n");
    let error = NestedData::from_csv(short.0.path());
    assert_error!(error, DataError::Table { .. }, "houses.csv", "2 rows", "adds up to 3", "it may be cut short");
    let short = nested("floor,houses\n0,2\n", "radon\n1\n2\n3\n");
    let error = NestedData::from_csv(short.0.path());
    assert_error!(error, DataError::Table { .. }, "3 rows", "adds up to 2", "counties.csv may be cut short");

    let uncounted = nested("floor\n0\n", "radon\n1\n");
    let error = NestedData::from_csv(uncounted.0.path());
    assert_error!(error, DataError::MissingColumn { .. }, "counties.csv", "`houses`");
    let uncounted = nested("floor,houses\n0,some\n", "radon\n1\n");
    let error = NestedData::from_csv(uncounted.0.path());
    assert_error!(error, DataError::Entry { .. }, "counties.csv, line 2", "`some`", "a whole number from 0");
    let headless = nested("", "radon\n1\n");
    assert_error!(NestedData::from_csv(headless.0.path()), DataError::EmptyFile { .. }, "counties.csv");
}

#[test]
fn rows_that_disagree() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "total,counties,floor,radon\n1,A,0,1\n1,B,1,2\n1,A,0.5,3\n");
    let parts = "lines 2 and 4 are about the same element of `counties`, but the column `floor` holds 0 in one and 0.5";
    assert_error!(NestedData::from_csv(path), DataError::Table { .. }, parts);
    let path = folder.write("a.csv", "total,counties,floor,radon\n1,A,0,1\n2,B,1,2\n");
    let parts = "lines 2 and 3 are about the whole data set, but the column `total` holds 1 in one and 2";
    assert_error!(NestedData::from_csv(path), DataError::Table { .. }, parts);
    let path = folder.write("a.csv", "total,counties,floor,radon\n1,,0,1\n");
    assert_error!(NestedData::from_csv(path), DataError::Entry { .. }, "line 2", "`counties`", "is not a value");
}

#[test]
fn a_plate_of_another_size() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "y\n1\n2\n");
    let parts = "the plate `rounds` has 2 elements, but the model allows exactly 3";
    assert_error!(FixedData::from_csv(path), DataError::PlateSize { .. }, parts);
    let path = folder.write("a.csv", "x,weight\n1,1\n1,1\n1,1\n1,1\n1,1\n");
    let parts = "the plate `events` has 5 elements, but the model allows 1 to 4";
    assert_error!(FlatData::from_csv(path), DataError::PlateSize { .. }, parts);
    folder.write("empty/events.csv", "x,weight\n");
    let parts = "the plate `events` has 0 elements, but the model allows 1 to 4";
    assert_error!(FlatData::from_csv(folder.0.path().join("empty")), DataError::PlateSize { .. }, parts);
    let events = FlatEvents { weight: vec![], x: vec![] };
    assert_error!(check(&Flat {}, &FlatData { events }), DataError::PlateSize { .. }, parts);
}

#[test]
fn a_plate_of_another_size_in_one_element() {
    let folder = nested("floor,houses\n0,1\n1,3\n", "radon\n1\n2\n3\n4\n");
    let parts = "the plate `houses` has 3 elements in element 1 of `counties`, but the model allows 1 to 2";
    assert_error!(NestedData::from_csv(folder.0.path()), DataError::PlateSize { .. }, parts);
    let folder = nested("floor,houses\n0,1\n1,0\n", "radon\n1\n");
    let parts = "the plate `houses` has 0 elements in element 1 of `counties`, but the model allows 1 to 2";
    assert_error!(NestedData::from_csv(folder.0.path()), DataError::PlateSize { .. }, parts);
}

#[test]
fn an_empty_plate_where_the_model_allows_one() {
    let folder = Folder::new();
    let data = CountData { events: CountEvents { x: vec![] } };
    let error = data.to_csv(folder.0.path().join("a.csv"));
    assert_error!(error, DataError::Table { .. }, "the plate `events` is empty", "give a folder");
    data.to_csv(folder.0.path().join("a")).unwrap();
    assert_eq!(CountData::from_csv(folder.0.path().join("a")).unwrap(), data);
}

/// The error about a row of the model `Supports` in which one entry is another.
fn supports(column: usize, value: &str) -> Result<SupportsData, DataError> {
    let mut row = ["1.5", "0.5", "3", "4", "true", "2", "1", "9"];
    let folder = Folder::new();
    let text = |row: [&str; 8]| {
        format!("wait,share,calls,votes,late,kind,drop[0],drop[1]\n1,1,1,1,1,1,1,1\n{}\n", row.join(","))
    };
    assert!(SupportsData::from_csv(folder.write("a.csv", text(row))).is_ok());
    row[column] = value;
    SupportsData::from_csv(folder.write("a.csv", text(row)))
}

#[test]
fn observations_where_there_is_no_density() {
    let outside = |column, value, name: &str, support: &str| {
        let place = format!("`{name}` of element 1 of the plate `visits` is {value}");
        assert_error!(supports(column, value), DataError::OutsideSupport { .. }, &place, support);
    };
    outside(0, "-0.5", "wait", "numbers above 0");
    outside(1, "1.5", "share", "numbers between 0 and 1");
    outside(3, "6", "votes", "whole numbers from 0 to 5");
    outside(5, "3", "kind", "whole numbers from 0 to 2");
    outside(7, "10.5", "drop", "numbers between 0 and 10");
}

#[test]
fn entries_of_another_kind() {
    let entry = |column, value: &str, name: &str, expected: &str| {
        let place = format!("line 3: `{value}` in the column `{name}` is not {expected}");
        assert_error!(supports(column, value), DataError::Entry { .. }, &place);
    };
    entry(2, "-1", "calls", "a whole number from 0");
    entry(2, "1.5", "calls", "a whole number from 0");
    entry(2, "NA", "calls", "a value");
    entry(3, "99999999999999999999999", "votes", "a whole number from 0");
    entry(4, "maybe", "late", "true or false, yes or no, 1 or 0");
    entry(5, "red", "kind", "a whole number from 0");
    entry(7, "", "drop[1]", "a value");
}

#[test]
fn observations_of_which_the_support_is_not_known() {
    let folder = Folder::new();
    let data = EitherData::from_csv(folder.write("a.csv", "x\n-0.5\n7\n")).unwrap();
    assert_eq!(data.events.x, [-0.5, 7.0]);
    let path = folder.write("a.csv", "x\n-0.5\n-7\n");
    assert_error!(EitherData::from_csv(path), DataError::OutsideSupport { .. }, "`x` of element 1", "is -7");
}

#[test]
fn indices_to_nothing() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "subject,score\n0,1\n2,1\n");
    let parts = ["`subject` of element 1 of the plate `responses` is 2", "there are 2 to choose from"];
    assert_error!(ItemsData::from_csv(path), DataError::Index { .. }, parts[0], parts[1]);
    let path = folder.write("a.csv", "subject,score\nAda,1\nBob,1\nEve,1\n");
    assert_error!(ItemsData::from_csv(path), DataError::Index { .. }, "`subject` of element 2", "is 2", "there are 2");
    let path = folder.write("a.csv", "subject,score\n0,1\n,1\n");
    assert_error!(ItemsData::from_csv(path), DataError::Entry { .. }, "line 3", "the column `subject`");
    let path = folder.write("a.csv", "subjects,subject,score\n3,0,1\n3,1,1\n");
    let parts = "the plate `subjects` has 3 elements, but the model allows exactly 2";
    assert_error!(ItemsData::from_csv(path), DataError::PlateSize { .. }, parts);
}

#[test]
fn json_with_columns_that_do_not_fit() {
    let data: FlatData = serde_json::from_str(r#"{"events": {"weight": [1.0, 2.0], "x": [1.0]}}"#).unwrap();
    let parts = "the column `x` of the plate `events` has 1 elements, but the plate has 2";
    assert_error!(check(&Flat {}, &data), DataError::Shape { .. }, parts);

    let nested = |offsets: &str| -> Result<(), DataError> {
        let text = format!(
            r#"{{"total": 1.0, "counties": {{"floor": [0.0, 1.0], "houses": {{"offsets": {offsets}, "radon": [1.0, 2.0, 3.0]}}}}}}"#
        );
        check(&Nested {}, &serde_json::from_str::<NestedData>(&text).unwrap())
    };
    assert!(nested("[0, 1, 3]").is_ok());
    for (offsets, what) in [
        ("[]", "are 0, but the 2 elements of `counties` need 3"),
        ("[0, 3]", "are 2, but the 2 elements of `counties` need 3"),
        ("[1, 2, 3]", "begin with 1, not with 0"),
        ("[0, 4, 3]", "fall from 4 to 3 after element 1"),
        ("[0, 1, 2]", "end at 2, but there are 3 elements: a column may have been cut short"),
    ] {
        assert_error!(nested(offsets), DataError::Shape { .. }, "the offsets of the plate `houses`", what);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a file, the outcome is data or an error.
    #[test]
    fn any_text_is_read_or_turned_down(
        flat in "\u{feff}?(x,weight\n|weight, x\r\n)?(1,2\n|-1, 3\n|\"4\",5\r\n|x|,|\n|\r|\"|NaN| ){0,5}",
        counties in "floor,houses\n(1,|2,|0,1\n|1\n|\n|,|x){0,6}",
        houses in "radon\n(1\n|\n| |x){0,6}",
    ) {
        let folder = nested(&counties, &houses);
        let _ = NestedData::from_csv(folder.0.path());
        let _ = NestedData::from_csv(folder.write("nested.csv", format!("total,counties,floor,radon\n{counties}")));
        if let Ok(data) = FlatData::from_csv(folder.write("flat.csv", flat)) {
            let copy = folder.0.path().join("copy.csv");
            data.to_csv(&copy).unwrap();
            prop_assert_eq!(FlatData::from_csv(copy).unwrap(), data);
        }
    }
}

hierarch::model! {
    /// The sd is below zero wherever `slope` is above -5.
    Negative {
        global slope ~ Normal(0.0, 1.0);
        plate points(1..=10) {
            given x: f64;
            observe y ~ Normal(slope, -5.0 - slope);
        }
    }
}

/// NUTS names the variable that has no density, and does not blame the data alone.
#[test]
fn a_parameter_that_is_invalid_everywhere_is_placed() {
    use hierarch::prelude::SamplingExt;
    let points = NegativePoints { x: vec![1.0, 2.0], y: vec![0.1, 0.2] };
    let error = Negative::default().nuts(&NegativeData { points }).run().unwrap_err().to_string();
    assert!(error.contains("where that of `y` of element 0 of the plate `points`, which is 0.1, under"), "{error}");
    assert!(error.contains("Normal: the standard deviation is -"), "{error}");
}

hierarch::model! {
    pub Answers {
        global p ~ Beta(1.0, 1.0);
        given all: bool;
        plate people(1..=5) {
            observe yes ~ Bernoulli(p);
        }
    }
}

/// Tables have 0 and 1 where JSON has `false` and `true`.
#[test]
fn truth_in_json_may_be_numbers() {
    let read = |text: &str| serde_json::from_str::<AnswersData>(text);
    let data = AnswersData { all: true, people: AnswersPeople { yes: vec![true, false, true] } };
    assert_eq!(read(r#"{"all": 1, "people": {"yes": [1, 0, true]}}"#).unwrap(), data);
    assert_eq!(read(&serde_json::to_string(&data).unwrap()).unwrap(), data);
    let error = read(r#"{"all": 0, "people": {"yes": [1, 2]}}"#).unwrap_err().to_string();
    assert!(error.contains("integer `2`, expected `true`, `false`, 1 or 0"), "{error}");
}

#[test]
fn numbers_that_make_no_vectors() {
    let visits = SupportsVisits {
        wait: vec![1.0],
        share: vec![0.5],
        calls: vec![1],
        votes: vec![1],
        late: vec![true],
        kind: vec![0],
        drop: vec![[1.0, 2.0]],
    };
    let data = SupportsData { visits };
    let mut frame = data.frame();
    frame.plates[0].columns[6].values = Values::Real(vec![1.0, 2.0, 3.0].into());
    assert_error!(
        SupportsData::from_frame(frame),
        DataError::Shape { .. },
        "the column `drop` has 3 numbers, of which no vectors of 2 can be made"
    );
}
