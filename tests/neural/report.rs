//! The report: one file that needs nothing else, with all that was handed in.

use hierarch::calibration::{Calibrate, NutsEstimator};
use hierarch::plot::{self, Axes, Mark, Series};
use hierarch::prelude::*;

model! {
    /// Flux <of> a "source" & noise.
    pub Flux {
        param threshold: f64 = 0.0;
        global rate ~ Gamma(2.0, 1.0);
        global noise ~ HalfNormal(1.0);
        plate events(1..=100) {
            let scale = if rate < threshold { 1.0 } else { rate };
            local signal ~ Bernoulli(0.5);
            observe energy ~ if signal { Normal(scale, noise) } else { Normal(0.0, noise) };
            observe pair[2] ~ Normal(rate, 1.0);
        }
    }
}

fn data() -> FluxData {
    let at = FluxGlobals { rate: 1.5, noise: 0.5 };
    Flux::default().simulate(1).at(&at).size("events", 60).seed(3).one().unwrap().data
}

/// Everything that a report can hold.
fn full() -> Report {
    let (model, data) = (Flux::default(), data());
    let chains = model.nuts(&data).seed(1).draws(300).run().unwrap();
    let estimator = model.npe().seed(1).train(Budget::simulations(2_000)).unwrap();
    let posterior = estimator.condition(&data).unwrap();
    let check = PredictiveCheck::new(&model, &data)
        .replications(100)
        .statistic("<tail> & more", |data| data.events.energy.iter().filter(|e| **e > 2.0).count() as f64);
    let nuts = NutsEstimator::new(&model).warmup(100).thin(2);
    let calibration = Calibrate::new(&model, &nuts).simulations(40).draws(20).run().unwrap();
    let line = Series::new("<line>", Mark::Line, &[(0.0, 1.0), (1.0, 2.0)]);
    Report::new(&model)
        .title("A <b>bold</b> & \"quoted\" title")
        .note("First <script>alert('note')</script>.")
        .data(&data)
        .typicality(&estimator.typicality().simulations(100).of(&data).unwrap())
        .truth(&model, &FluxGlobals { rate: 1.5, noise: 0.5 })
        .posterior("NUTS <1>", &chains)
        .posterior("neural & co", &posterior)
        .training("deep set <2>", estimator.history())
        .calibration("NUTS's", &calibration)
        .predictive(&check.posterior(chains.globals()).unwrap())
        .predictive(&check.prior().unwrap())
        .figure("a <sketch>", &plot::lines(&Axes { x: "x & y", ..Axes::default() }, &[line]).unwrap())
        .warnings("me", vec!["5 < 6 & 7".to_owned()])
        .setting("file", "<a>&'b'")
        .timing("training", 130.0)
        .timing("conditioning", 0.0004)
}

/// Checks that tags are closed in the order in which they were opened, and returns the text of attributes and of elements.
fn read(html: &str) -> Vec<(String, String)> {
    let (mut open, mut attributes) = (Vec::<String>::new(), Vec::new());
    let (mut rest, void) = (html, ["meta", "!DOCTYPE"]);
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a loose > in {:?}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag that does not end");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "a < in the tag {tag:?}");
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "closed by {tag:?}");
        } else if !tag.ends_with('/') && !void.contains(&name.as_str()) {
            open.push(name.clone());
        }
        let mut pieces = tag.split('"');
        while let (Some(before), Some(value)) = (pieces.next(), pieces.next()) {
            let key = before.trim().trim_end_matches('=').rsplit(' ').next().unwrap_or_default();
            attributes.push((key.to_owned(), value.to_owned()));
        }
        rest = &rest[end + 1..];
        if name == "style" && !tag.starts_with('/') {
            rest = &rest[rest.find("</style").expect("a style that does not end")..];
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    attributes
}

#[test]
fn holds_everything_and_needs_nothing() {
    let html = full().html().unwrap();
    let attributes = read(&html);
    let sections = ["model", "data", "posterior", "figures", "training", "calibration", "predictive", "run"];
    for section in sections {
        assert!(html.contains(&format!("<h2 id=\"{section}\">")) && html.contains(&format!("href=\"#{section}\"")));
    }
    for words in [
        "plate diagram",
        "HalfNormal(1.0)",
        "mean off / sd",
        "TARP",
        "R-hat",
        "Typicality: the data are like",
        "Replicated from the prior",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(html.contains(&Flux::default().specification().fingerprint()) && html.contains("2.2 min"));

    // Nothing is fetched: the only addresses are names of XML's languages.
    for (key, value) in &attributes {
        assert!(!value.contains("://") || key.starts_with("xmlns"), "{key}=\"{value}\"");
        assert!(!["src", "onload", "onclick"].contains(&key.as_str()), "{key}=\"{value}\"");
    }
    for word in ["<script", "<link", "@import", "<img", "<iframe"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(!html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap().contains("url("));

    // What names something in a figure names it alone, and what is named exists.
    let mut ids: Vec<&String> = attributes.iter().filter(|a| a.0 == "id").map(|a| &a.1).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for (_, value) in attributes.iter().filter(|a| a.1.contains("url(#")) {
        let name = value.split("url(#").nth(1).unwrap().trim_end_matches(')').to_owned();
        assert!(ids.contains(&&name), "{name}");
    }
}

#[test]
fn text_is_text() {
    let html = full().html().unwrap();
    for text in ["<b>", "<script", "<sketch", "<tail", "<1>", "<2>", "<a>", "'note'", "& co", "& more", "5 < 6"] {
        assert!(!html.contains(text), "{text}");
    }
    for text in
        ["A &lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot; title", "neural &amp; co", "&lt;tail&gt; &amp; more"]
    {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn every_figure_is_an_svg() {
    let html = full().html().unwrap();
    let figures: Vec<&str> = html.match_indices("<svg").map(|(at, _)| &html[at..]).collect();
    assert!(figures.len() > 25, "{}", figures.len());
    for figure in figures {
        let svg = &figure[..figure.find("</svg>").unwrap() + 6];
        let tree = resvg::usvg::Tree::from_str(svg, &resvg::usvg::Options::default()).unwrap();
        assert!(tree.size().width() > 100.0 && svg.contains("aria-label"));
        assert!(svg.len() < 200_000, "{} bytes", svg.len());
    }
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
}

#[test]
fn what_is_missing_is_left_out() {
    let html = Report::new(&Flux::default()).html().unwrap();
    read(&html);
    assert!(html.contains("id=\"model\"") && html.contains("id=\"run\""));
    for section in ["data", "posterior", "training", "calibration", "predictive", "figures"] {
        assert!(!html.contains(&format!("id=\"{section}\"")), "{section}");
    }
    assert!(!html.contains("Warnings") && !html.contains("No warnings"));
    // The same each time.
    assert_eq!(html, Report::new(&Flux::default()).html().unwrap());
}

#[test]
fn is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/report.html");
    let report = Report::new(&Flux::default());
    report.save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html().unwrap());
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let error = report.save(path.join("a.html")).unwrap_err();
    assert!(error.to_string().contains("a.html"), "{error}");
}
