//! Data sets written as CSV and read again, and tables as people have them.

use std::fs;
use std::path::{Path, PathBuf};

use hierarch::io::{CsvOptions, read_column, read_csv, write_csv};
use hierarch::model::{DataError, DataSet};
use tempfile::{TempDir, tempdir};

hierarch::model! {
    pub Flat {
        global mu ~ Normal(0.0, 1.0);
        plate events(1..=10) {
            given weight: f64;
            observe x ~ Normal(mu, 1.0);
        }
    }
}

hierarch::model! {
    /// Covariates and observations at two levels.
    pub Radon {
        global mu ~ Normal(0.0, 1.0);
        plate counties(1..=10) {
            given uranium: f64;
            local level ~ Normal(mu, 1.0);
            plate houses(0..=10) {
                given basement: bool;
                observe radon ~ Normal(level, 1.0);
            }
        }
    }
}

hierarch::model! {
    pub Schools {
        global mu ~ Normal(0.0, 1.0);
        observe survey ~ Normal(mu, 1.0);
        observe pair[2] ~ Normal(mu, 1.0);
        plate schools(1..=10) {
            local school ~ Normal(mu, 1.0);
            plate classes(1..=10) {
                given size: u64;
                local class ~ Normal(school, 1.0);
                plate pupils(1..=10) {
                    observe score ~ Normal(class, 1.0);
                }
            }
        }
    }
}

hierarch::model! {
    /// Each kind of number.
    pub Kinds {
        global p ~ Uniform(0.0, 1.0);
        plate trials(1..=10) {
            given group: usize;
            given flags: [bool; 2];
            observe hit ~ Bernoulli(p);
            observe hits ~ Binomial(10.0, p);
            observe kind ~ Categorical([p, 1.0 - p]);
            observe position[3] ~ Normal(p, 1.0);
        }
    }
}

hierarch::model! {
    /// Item response: plates that are in the data because indices name their elements.
    pub Items {
        plate subjects(2..=50) {
            local ability ~ Normal(0.0, 1.0);
        }
        plate items(3) {
            local difficulty ~ Normal(0.0, 1.0);
        }
        plate responses(1..=100) {
            given subject: index(subjects);
            given item: index(items);
            observe right ~ BernoulliLogit(ability[subject] - difficulty[item]);
        }
    }
}

hierarch::model! {
    /// Plates with tables of their own side by side.
    pub Teams {
        plate teams(1..=10) {
            given budget: f64;
            local strength ~ Normal(budget, 1.0);
        }
        plate games(1..=10) {
            given home: index(teams);
            given away: index(teams);
            observe goals ~ Normal(strength[home] - strength[away], 1.0);
        }
    }
}

hierarch::model! {
    /// An index to a plate around.
    pub Roads {
        plate towns(1..=10) {
            given people: f64;
            local wealth ~ Normal(people, 1.0);
            plate roads(1..=10) {
                given to: index(towns);
                observe length ~ Normal(wealth, 1.0);
            }
        }
    }
}

hierarch::model! {
    pub Clash {
        global mu ~ Normal(0.0, 1.0);
        observe total ~ Normal(mu, 1.0);
        plate outside(1..=10) {
            observe x ~ Normal(mu, 1.0);
        }
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

fn back<D: DataSet>(data: &D, path: &Path) -> D
where
    D::Model: Default,
{
    write_csv(data, path).unwrap();
    read_csv(&D::Model::default(), path, &[]).unwrap()
}

/// Through a file and through a folder.
fn round_trip<D: DataSet>(data: &D)
where
    D::Model: Default,
{
    let folder = Folder::new();
    assert_eq!(back(data, &folder.path("data.csv")), *data);
    assert_eq!(back(data, &folder.path("new/data")), *data);
    let names = fs::read_dir(folder.path("new/data")).unwrap().map(|e| e.unwrap().path());
    assert!(names.into_iter().all(|path| path.extension().is_some_and(|e| e == "csv")));
}

fn flat() -> FlatData {
    let x = vec![0.1, -1e-300, f64::MAX, -0.0, 1.0 / 3.0];
    FlatData { events: FlatEvents { weight: vec![1.0, 2.0, 5e-324, 4.0, 123456789.123], x } }
}

fn radon() -> RadonData {
    RadonData {
        counties: RadonCounties {
            uranium: vec![-0.7, 0.2],
            houses: RadonHouses {
                offsets: vec![0, 2, 3],
                basement: vec![true, false, true],
                radon: vec![1.5, 2.5, -0.5],
            },
        },
    }
}

fn items() -> ItemsData {
    ItemsData {
        // The last two subjects answer nothing.
        subjects: ItemsSubjects { size: 5 },
        items: ItemsItems { size: 3 },
        responses: ItemsResponses { subject: vec![0, 2, 2], item: vec![1, 0, 1], right: vec![true, false, true] },
    }
}

fn teams() -> TeamsData {
    TeamsData {
        teams: TeamsTeams { budget: vec![1.0, 3.0, 2.0] },
        games: TeamsGames { home: vec![0, 2], away: vec![1, 1], goals: vec![1.0, -2.0] },
    }
}

#[test]
fn flat_data_come_back() {
    round_trip(&flat());
}

#[test]
fn nested_data_come_back() {
    round_trip(&radon());
    round_trip(&SchoolsData {
        survey: 0.25,
        pair: [1.0, -2.0],
        schools: SchoolsSchools {
            classes: SchoolsClasses {
                offsets: vec![0, 2, 3],
                size: vec![20, 30, 25],
                pupils: SchoolsPupils { offsets: vec![0, 1, 3, 4], score: vec![1.0, 2.0, 3.0, 4.0] },
            },
        },
    });
}

#[test]
fn every_kind_of_number_comes_back() {
    round_trip(&KindsData {
        trials: KindsTrials {
            group: vec![7, 0],
            flags: vec![[true, false], [false, false]],
            hit: vec![false, true],
            hits: vec![3, 10],
            kind: vec![1, 0],
            position: vec![[0.1, 0.2, 0.3], [1.0, 2.0, 1e22]],
        },
    });
}

#[test]
fn crossed_data_come_back() {
    round_trip(&items());
}

#[test]
fn plates_side_by_side_need_a_folder() {
    let folder = Folder::new();
    assert_eq!(back(&teams(), &folder.path("teams")), teams());
    let error = write_csv(&teams(), &folder.path("teams.csv")).unwrap_err();
    assert!(matches!(error, DataError::Table { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("`teams`") && text.contains("`games`") && text.contains("give a folder"), "{text}");
    assert!(!folder.path("teams.csv").exists());
    let one = folder.write("one.csv", "budget\n1\n");
    let text = TeamsData::from_csv(&one).unwrap_err().to_string();
    assert!(text.contains("side by side") && text.contains("give a folder"), "{text}");
}

#[test]
fn elements_with_nothing_inside_need_a_folder() {
    let folder = Folder::new();
    let mut data = radon();
    data.counties.uranium.insert(1, 9.0);
    data.counties.houses.offsets.insert(1, 2);
    assert_eq!(back(&data, &folder.path("radon")), data);
    let text = data.to_csv(folder.path("radon.csv")).unwrap_err().to_string();
    assert!(text.contains("`houses` is empty in element 1 of `counties`"), "{text}");
}

#[test]
fn a_table_as_people_have_it() {
    let folder = Folder::new();
    // Byte order mark, another order and other columns, CRLF, quotes, spaces, blank lines at the end.
    let text = "\u{feff}note, x ,\"weight\"\r\n\"a, b\", 1.5 , 2\r\n,\"-3e2\",4\r\n\r\n   \r\n";
    let data = FlatData::from_csv(folder.write("a.csv", text)).unwrap();
    assert_eq!(data, FlatData { events: FlatEvents { weight: vec![2.0, 4.0], x: vec![1.5, -300.0] } });
}

#[test]
fn truth_and_counts_in_other_spellings() {
    let folder = Folder::new();
    let head = "group,flags[0],flags[1],hit,hits,kind,position[0],position[1],position[2]\n";
    let path = folder.write("a.csv", &format!("{head}3.0,True,FALSE,1,4.0,0,1,2,3\n"));
    let trials = KindsData::from_csv(path).unwrap().trials;
    assert_eq!(
        (trials.group, trials.flags, trials.hit, trials.hits),
        (vec![3], vec![[true, false]], vec![true], vec![4])
    );
}

#[test]
fn columns_by_other_names() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "county,u,floor,log radon\nA,1,0,2\nB,3,1,4\n");
    let columns = [("counties", "county"), ("uranium", "u"), ("basement", "floor"), ("radon", "log radon")];
    let data: RadonData = read_csv(&Radon {}, &path, &columns).unwrap();
    assert_eq!((data.counties.uranium, data.counties.houses.radon), (vec![1.0, 3.0], vec![2.0, 4.0]));

    let head = "group,flags[0],flags[1],hit,hits,kind,at[0],height,at[2]\n";
    let path = folder.write("b.csv", &format!("{head}0,1,1,1,4,0,1,2,3\n"));
    let columns = [("position", "at"), ("position[1]", "height")];
    let data: KindsData = read_csv(&Kinds {}, &path, &columns).unwrap();
    assert_eq!(data.trials.position, [[1.0, 2.0, 3.0]]);

    let error = read_csv::<KindsData>(&Kinds {}, &path, &[("place", "at")]).unwrap_err();
    assert!(error.to_string().contains("`place`") && error.to_string().contains("`position`"), "{error}");
}

#[test]
fn groups_in_the_order_of_first_appearance() {
    let folder = Folder::new();
    let text = "counties,uranium,basement,radon\nB,2,0,1\nA,1.0,1,2\nB,2.0,1,3\nA,1,0,4\n";
    let houses = RadonHouses {
        offsets: vec![0, 2, 4],
        basement: vec![false, true, true, false],
        radon: vec![1.0, 3.0, 2.0, 4.0],
    };
    let data = RadonData::from_csv(folder.write("a.csv", text)).unwrap();
    assert_eq!(data, RadonData { counties: RadonCounties { uranium: vec![2.0, 1.0], houses } });
}

#[test]
fn inner_groups_belong_to_their_outer_ones() {
    let folder = Folder::new();
    // Class 1 is another one in each school.
    let text = "survey,pair[0],pair[1],schools,classes,size,score\n\
                0,1,2,S,1,20,10\n0,1,2,T,1,30,11\n0,1,2,S,2,25,12\n0,1,2,S,1,20,13\n";
    let data = SchoolsData::from_csv(folder.write("a.csv", text)).unwrap();
    let classes = data.schools.classes;
    assert_eq!((classes.offsets, classes.size), (vec![0, 2, 3], vec![20, 25, 30]));
    assert_eq!((classes.pupils.offsets, classes.pupils.score), (vec![0, 2, 3, 4], vec![10.0, 13.0, 12.0, 11.0]));
}

#[test]
fn indices_by_label_and_by_position() {
    let folder = Folder::new();
    let data = ItemsData::from_csv(folder.write("a.csv", "subject,item,right\nAda,0,1\nBob,2,0\nAda,2,1\n")).unwrap();
    assert_eq!((data.subjects.size, data.items.size), (2, 3));
    assert_eq!((data.responses.subject, data.responses.item), (vec![0, 1, 0], vec![0, 2, 2]));

    let data = ItemsData::from_csv(folder.write("b.csv", "subject,item,right\n3,0,1\n0,2,0\n")).unwrap();
    assert_eq!((data.subjects.size, data.responses.subject), (4, vec![3, 0]));

    let data = ItemsData::from_csv(folder.write("c.csv", "subjects,subject,item,right\n9,3,0,1\n9,1,2,0\n")).unwrap();
    assert_eq!(data.subjects.size, 9);

    // A column that an index was said to stand in tells no size.
    let path = folder.write("d.csv", "subjects,item,right\nAda,0,1\nBob,2,0\n");
    let data: ItemsData = read_csv(&Items {}, &path, &[("subject", "subjects")]).unwrap();
    assert_eq!((data.subjects.size, data.responses.subject), (2, vec![0, 1]));
}

/// Positions that are counted from 1 made a phantom element 0, one word among numbers made labels of all, and the last digit
/// of a large count was lost: each without a word.
#[test]
fn indices_that_are_not_what_they_seem() {
    let folder = Folder::new();
    let error = |text: &str| ItemsData::from_csv(folder.write("a.csv", text)).unwrap_err().to_string();
    let found = error("subject,item,right\n1,0,1\n2,1,0\n2,0,0\n");
    assert!(found.contains("the least index in the column `subject` is 1") && found.contains("subtract 1"), "{found}");
    let found = error("subject,item,right\n0,0,1\n-1,1,0\n2,0,0\n");
    assert!(found.contains("line 3: `-1` in the column `subject` is no whole number"), "{found}");
    let found = error("subject,item,right\n0,0,1\n1,1,0\nAda,0,0\n");
    assert!(found.contains("line 4: `Ada`"), "{found}");
    // Half of them are labels, so that which is the mistake is not known.
    let found = error("subject,item,right\nAda,0,1\n7,1,0\n");
    assert!(
        found.contains("line 3: `7` in the column `subject` is a whole number, and others of that column are none"),
        "{found}"
    );
    let found = error("subject,item,right\n0,0,1\n1.5,1,0\n");
    assert!(found.contains("line 2: `0` in the column `subject` is a whole number"), "{found}");
    // How many there are is said, so that they are counted from 0.
    let path = folder.write("b.csv", "subjects,subject,item,right\n3,1,0,1\n3,2,1,0\n");
    assert_eq!(ItemsData::from_csv(path).unwrap().responses.subject, [1, 2]);
    // Labels that begin with digits are labels.
    let path = folder.write("c.csv", "subject,item,right\n7a,0,1\n7b,1,0\n");
    assert_eq!(ItemsData::from_csv(path).unwrap().subjects.size, 2);
}

hierarch::model! {
    Huge {
        global rate ~ Gamma(2.0, 1e-16);
        plate days(1..=10) {
            observe n ~ Poisson(rate);
        }
    }
}

#[test]
fn tables_of_other_programs() {
    let folder = Folder::new();
    let flat = |text: &str| FlatData::from_csv(folder.write("a.csv", text));
    let data = FlatData { events: FlatEvents { weight: vec![2.0, 4.0], x: vec![1.5, -300.0] } };
    for text in [
        "x;weight\n1.5;2\n-300;4\n",
        "x\tweight\n1.5\t2\n-300\t4\n",
        "# from the night shift\n# in keV\nx,weight\n1.5,2\n-300,4\n",
    ] {
        assert_eq!(flat(text).unwrap(), data, "{text}");
    }
    let error = |text: &str| flat(text).unwrap_err().to_string();
    let found = error("# one\nx;weight\n1,5;2\n");
    assert!(found.contains("line 3: `1,5` in the column `x` is not a number with a decimal point"), "{found}");
    let found = error("x,weight\n1,1.5,2\n2,3.5,4\n");
    assert!(found.contains("each row has a field more than the header") && found.contains("row.names"), "{found}");
    let found = error("x\0,\0w\0");
    assert!(found.contains("UTF-16"), "{found}");

    let head = "group,flags[0],flags[1],hit,hits,kind,position[0],position[1],position[2]\n";
    let path = folder.write("b.csv", &format!("{head}3,T,no,1.0,4.0,0,1,2,3\n"));
    let trials = KindsData::from_csv(path).unwrap().trials;
    assert_eq!((trials.flags, trials.hit, trials.hits), (vec![[true, false]], vec![true], vec![4]));
    let data = HugeData::from_csv(folder.write("c.csv", "n\n9007199254740993.0\n12.00\n")).unwrap();
    assert_eq!(data.days.n, [9007199254740993, 12]);
}

#[test]
fn tables_that_options_describe() {
    let folder = Folder::new();
    let read = |text: &str, options: &CsvOptions| {
        options.read_csv::<FlatData>(&Flat {}, folder.write("a.csv", text), &[("weight", "w")])
    };
    let data = FlatData { events: FlatEvents { weight: vec![2.0, 4.0], x: vec![1.5, -300.0] } };
    let commas = CsvOptions { decimal: ',', ..CsvOptions::default() };
    assert_eq!(read("x;w\n1,5;2\n-3e2;4,0\n", &commas).unwrap(), data);
    let bars = CsvOptions { separator: Some(b'|'), comment: Some(b'!'), ..CsvOptions::default() };
    assert_eq!(read("! a\nx|w\n! b\n1.5|2\n\n! c\n-300|4\n! d\n", &bars).unwrap(), data);

    let error = |text: &str, options: &CsvOptions| read(text, options).unwrap_err().to_string();
    let found = error("! a\nx|w\n! b\n1.5|2\n\n! c\n-3o0|4\n", &bars);
    assert!(found.contains("line 7: `-3o0`"), "{found}");
    // A point may stand for thousands.
    let found = error("x;w\n1,5;2\n1.500;4\n", &commas);
    assert!(found.contains("line 3: `1.500` in the column `x` is not a number without a point"), "{found}");
    let found = error("x,w\n", &CsvOptions { separator: Some(b','), ..commas });
    assert!(found.contains("`,` cannot be both"), "{found}");
    let nines = CsvOptions { missing: vec!["-999".to_owned()], ..CsvOptions::default() };
    let found = error("x,w\n1.5,2\n-999,4\n", &nines);
    assert!(found.contains("line 3: `-999` in the column `x` is not a value but one of"), "{found}");

    // Namibia.
    let text = "subject,item,right\nNA,0,1\nDE,1,0\n";
    let path = folder.write("b.csv", text);
    let found = ItemsData::from_csv(&path).unwrap_err().to_string();
    assert!(found.contains("line 2: `NA`") && found.contains("`CsvOptions::missing`"), "{found}");
    let words = CsvOptions { missing: vec![], ..CsvOptions::default() };
    let data: ItemsData = words.read_csv(&Items {}, &path, &[]).unwrap();
    assert_eq!((data.subjects.size, data.responses.subject), (2, vec![0, 1]));
    // A number that is missing is none by any name.
    let found = error("x,w\nNA,2\n", &words);
    assert!(found.contains("is not a number such as 1.5"), "{found}");
}

#[test]
fn indices_by_the_labels_of_the_other_table() {
    let folder = Folder::new();
    folder.write("t/teams.csv", "teams,budget\nRed,1\nBlue,2\n");
    folder.write("t/games.csv", "home,away,goals\nBlue,Red,3\n");
    let data = TeamsData::from_csv(folder.path("t")).unwrap();
    assert_eq!((data.games.home, data.games.away), (vec![1], vec![0]));

    folder.write("t/games.csv", "home,away,goals\nBlue,Green,3\n");
    let text = TeamsData::from_csv(folder.path("t")).unwrap_err().to_string();
    assert!(text.contains("line 2: `Green` in the column `away`"), "{text}");
}

#[test]
fn numbers_that_could_not_be_read_again_are_not_written() {
    let folder = Folder::new();
    let mut data = flat();
    data.events.x[2] = f64::NAN;
    assert!(matches!(data.to_csv(folder.path("a.csv")), Err(DataError::NotFinite { .. })));
    data.events.x = vec![1.0];
    assert!(matches!(data.to_csv(folder.path("a")), Err(DataError::Shape { .. })));
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 0);
}

#[test]
fn indices_by_the_labels_of_groups() {
    let folder = Folder::new();
    let text = "towns,people,to,length\nUlm,1,Bonn,5\nBonn,2,Ulm,5\nUlm,1,Ulm,0\n";
    let data = RoadsData::from_csv(folder.write("a.csv", text)).unwrap();
    assert_eq!(data.towns.roads.to, [1, 0, 0]);
    round_trip(&data);
}

#[test]
fn a_column_alone() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "run,mass\na,1.5\nb,-2e3\n");
    assert_eq!(read_column(&path, "mass").unwrap(), [1.5, -2000.0]);
    assert!(matches!(read_column(&path, "Mass"), Err(DataError::MissingColumn { .. })));
    assert!(matches!(read_column(&path, "run"), Err(DataError::Entry { line: 2, .. })));
}

#[test]
fn no_file_is_written_over_by_another() {
    let folder = Folder::new();
    let data = ClashData { total: 1.0, outside: ClashOutside { x: vec![2.0] } };
    assert_eq!(back(&data, &folder.path("a.csv")), data);
    let text = data.to_csv(folder.path("a")).unwrap_err().to_string();
    assert!(text.contains("outside.csv"), "{text}");
    assert!(!folder.path("a").exists());
}
