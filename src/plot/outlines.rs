//! Text as outlines of the embedded font, for the PNG.
//!
//! The library that draws the PNG is built without its text engine, which lays out any script in any font and costs
//! more to compile than everything else here. Figures have one font in one style and lines from left to right, and each
//! glyph follows the one before it. Kerning and ligatures, which the font keeps in tables that `ab_glyph` does not
//! read, are left out: "To" and "AV" are a little wider than in the SVG.

use super::{FONT, PlotError, draw_error};
use ab_glyph::{Font, FontRef, GlyphId, InvalidFont, OutlineCurve, Point};
use resvg::usvg::roxmltree::{Document, Node};
use std::fmt::Write;
use std::sync::LazyLock;

static FACE: LazyLock<Result<FontRef<'static>, InvalidFont>> = LazyLock::new(|| FontRef::try_from_slice(FONT));

/// The attributes for the position and the font of a text, which its outlines do not need.
const PLACING: [&str; 6] = ["x", "y", "dy", "text-anchor", "font-family", "font-size"];

/// Returns `svg` with a path in place of each text.
///
/// # Errors
/// [`PlotError::Draw`] if `svg` is not well-formed, for instance if a text has a character that XML forbids.
pub(super) fn outlined(svg: &str) -> Result<String, PlotError> {
    let font = FACE.as_ref().map_err(draw_error)?;
    let document = Document::parse(svg).map_err(draw_error)?;
    let (mut out, mut done) = (String::with_capacity(2 * svg.len()), 0);
    for text in document.descendants().filter(|n| n.tag_name().name() == "text") {
        out += &svg[done..text.range().start];
        out += &path(font, &text, svg);
        done = text.range().end;
    }
    Ok(out + &svg[done..])
}

/// The path of one text: its outlines, with all its other attributes.
fn path(font: &FontRef<'_>, text: &Node<'_, '_>, svg: &str) -> String {
    let size = length(text, "font-size", 0.0);
    let scale = size / f64::from(font.units_per_em().unwrap_or(1000.0));
    let line = Line::new(font, text.text().unwrap_or_default());
    let before = match text.attribute("text-anchor") {
        Some("middle") => 0.5,
        Some("end") => 1.0,
        _ => 0.0,
    };
    let x = length(text, "x", size) - before * scale * f64::from(line.advance);
    let y = length(text, "y", size) + length(text, "dy", size);
    let outlines = line.outlines(font, (x, y), scale);
    if outlines.is_empty() {
        return String::new();
    }
    let kept = text.attributes().filter(|a| !PLACING.contains(&&svg[a.range_qname()]));
    let kept: String = kept.map(|a| format!(" {}", &svg[a.range()])).collect();
    format!("<path{kept} d=\"{outlines}\"/>")
}

/// An attribute that is a length, zero without it; `em` and `ex` are relative to the font size `size`.
fn length(text: &Node<'_, '_>, name: &str, size: f64) -> f64 {
    let value = text.attribute(name).unwrap_or_default();
    let units = [("em", size), ("ex", size / 2.0), ("", 1.0)];
    let parsed = units.iter().find_map(|(unit, by)| Some(value.strip_suffix(unit)?.parse::<f64>().ok()? * by));
    parsed.unwrap_or(0.0)
}

/// A line of glyphs, in units of the font.
struct Line {
    /// Each glyph with its position.
    glyphs: Vec<(GlyphId, f32)>,
    /// The position of the next glyph.
    advance: f32,
}

impl Line {
    /// Creates a line with white space as in SVG: none at the ends, one space for many. A character that the font lacks
    /// is the font's box.
    fn new(font: &FontRef<'_>, text: &str) -> Self {
        let words: Vec<&str> = text.split([' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).collect();
        let mut line = Self { glyphs: vec![], advance: 0.0 };
        for glyph in words.join(" ").chars().map(|c| font.glyph_id(c)) {
            line.glyphs.push((glyph, line.advance));
            line.advance += font.h_advance_unscaled(glyph);
        }
        line
    }

    /// Returns the outlines with the start of the line at a point, as an SVG path.
    fn outlines(&self, font: &FontRef<'_>, (x, y): (f64, f64), scale: f64) -> String {
        let mut out = String::new();
        for (glyph, at) in &self.glyphs {
            // A space has no outline.
            let curves = font.outline(*glyph).map_or(vec![], |outline| outline.curves);
            // The y axis of a font points up.
            let place = |p: &Point| (x + scale * f64::from(at + p.x), y - scale * f64::from(p.y));
            let mut write = |command: char, points: &[&Point]| {
                out.push(command);
                for (x, y) in points.iter().copied().map(place) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{x:.3} {y:.3} ");
                }
            };
            let mut last = None;
            for curve in &curves {
                let (OutlineCurve::Line(start, end)
                | OutlineCurve::Quad(start, _, end)
                | OutlineCurve::Cubic(start, _, _, end)) = curve;
                if last != Some(*start) {
                    write('M', &[start]);
                }
                match curve {
                    OutlineCurve::Line(_, end) => write('L', &[end]),
                    OutlineCurve::Quad(_, a, end) => write('Q', &[a, end]),
                    OutlineCurve::Cubic(_, a, b, end) => write('C', &[a, b, end]),
                }
                last = Some(*end);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::*;
    use ab_glyph::ScaleFont;
    use resvg::usvg;

    /// The bounds of a drawing of `svg`: left, top, right, bottom.
    fn bounds(svg: &str) -> [f64; 4] {
        let tree = usvg::Tree::from_str(&outlined(svg).unwrap(), &usvg::Options::default()).unwrap();
        let bounds = tree.root().abs_bounding_box();
        [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()].map(f64::from)
    }

    /// A document of one text.
    fn text(attributes: &str, content: &str) -> String {
        format!(
            "<svg width=\"900\" height=\"900\" xmlns=\"http://www.w3.org/2000/svg\"><text {attributes}>{content}</text></svg>"
        )
    }

    fn near(a: [f64; 4], b: [f64; 4]) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.02), "{a:?} {b:?}");
    }

    /// The advance is that of ab_glyph for the same height in pixels.
    #[test]
    fn a_line_is_as_long_as_its_glyphs() {
        let font = FACE.as_ref().unwrap();
        let scaled = font.as_scaled(font.height_unscaled());
        for text in ["", "x", "posterior density", "AVATAR To", "−1.5×10⁻⁵"] {
            let advances: f32 = text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum();
            let advance = Line::new(font, text).advance;
            assert!((advance - advances).abs() < 0.5, "{text}");
        }
    }

    /// The outlines of "HH" are as far from the anchor as the side bearings of an H, are on the baseline, and are as
    /// high as an H.
    #[test]
    fn a_text_stands_at_its_anchor() {
        let font = FACE.as_ref().unwrap();
        let scale = 100.0 / f64::from(font.units_per_em().unwrap());
        let h = font.glyph_id('H');
        let (advance, outline) = (f64::from(font.h_advance_unscaled(h)), font.outline(h).unwrap().bounds);
        let [left, right] = [f64::from(outline.min.x), 2.0 * advance - (advance - f64::from(outline.max.x))];
        let high = scale * f64::from(outline.min.y.max(outline.max.y));
        let wide = 2.0 * advance * scale;
        for (anchor, moved) in [("start", 0.0), ("middle", -0.5 * wide), ("end", -wide)] {
            let svg = text(&format!("x=\"400\" y=\"300\" font-size=\"100\" text-anchor=\"{anchor}\""), "\nHH\n");
            let x = 400.0 + moved;
            near(bounds(&svg), [x + scale * left, 300.0 - high, x + scale * right, 300.0]);
        }
        for (dy, down) in [("0.36em", 36.0), ("-0.5ex", -25.0), ("7", 7.0)] {
            let svg = text(&format!("x=\"400\" y=\"300\" dy=\"{dy}\" font-size=\"100\""), "HH");
            near(bounds(&svg), [400.0 + scale * left, 300.0 + down - high, 400.0 + scale * right, 300.0 + down]);
        }
        let svg = text("x=\"400\" y=\"300\" font-size=\"100\" transform=\"rotate(270, 400, 300)\"", "HH");
        near(bounds(&svg), [400.0 - high, 300.0 - scale * right, 400.0, 300.0 - scale * left]);
    }

    #[test]
    fn a_text_keeps_what_does_not_place_it() {
        let svg = text("x=\"1\" y=\"2\" font-size=\"10\" opacity=\"0.5\" fill=\"#0072B2\"", "a");
        let path = outlined(&svg).unwrap();
        assert!(path.contains("<path opacity=\"0.5\" fill=\"#0072B2\" d=\"M"), "{path}");
        // Entities are one character each; a character that the font lacks is a box, and a blank has no outline.
        let drawn = |content: &str| outlined(&text("font-size=\"9\"", content)).unwrap();
        let same = |a: &str, b: &str| assert_eq!(drawn(a), drawn(b));
        same("&lt;&#x26;&gt;", "&lt;&amp;&gt;");
        same("\u{10FFFD}", "\u{10FFFC}");
        same("  a \n b", "a b");
        assert!(drawn("\u{10FFFD}").contains("<path"));
        assert!(!drawn(" \n").contains("<path"));
        assert!(matches!(outlined(&text("", "\u{1}")), Err(PlotError::Draw(_))));
    }

    /// No kind of figure has a text that the PNG would lack.
    #[test]
    fn every_text_of_every_figure_is_outlined() {
        let draws: Vec<f64> = (0..100).map(f64::from).collect();
        let (points, bands) = ([(1.0, 2.0), (10.0, 1.0)], [(0.5, 1.5), (0.5, 1.5)]);
        let panel = |posterior| Panel {
            parameter: "mass [GeV]",
            posteriors: vec![("npe", posterior)],
            lines: vec![("truth", 3.0)],
            range: None,
        };
        let panels = [panel(Marginal::Draws(&draws)), panel(Marginal::Density(&points))];
        let axes = Axes { title: "a & b", x: "x", y: "y", ..Axes::default() };
        let ecdf = EcdfPanel { parameter: "a", at: &[0.2, 0.5], difference: &[0.1, 0.0], bands: &bands };
        let levels = vec![LocalCurve { level: 0.5, points: &[(0.5, 0.5, 0.1)] }];
        let curves = [Series::new("critical curve", Mark::Dashed, &points)];
        let image =
            ImagePanel { title: "first", pixels: &[[0.0, 1.0]; 2], points: &[(0.0, 0.0, 1.0)], curves: &curves };
        let words = ImageAxes { title: "t", pixel: 0.5, length: "arcsec", value: "photons", size: "mass" };
        let figures = [
            lines(&axes, &curves),
            data_with_fit(&axes, &[0.0, 1.0, 2.0], &[1.0, 2.0], &curves),
            trace("mass", &[&draws]),
            training_curve(&points, &points),
            histograms("h", "draws", &[HistogramPanel { name: "n", values: &draws, observed: Some(2.0) }]),
            marginals("m", &panels),
            pairs("p", &panels),
            ecdf_difference("e", &[ecdf]),
            rank_histograms("r", &[RankPanel { parameter: "a", ranks: &[1, 2, 3], draws: 9 }]),
            coverage_curve("c", &[("a", &points)], 10),
            local_coverage("l", &[LocalPanel { parameter: "a", feature: "f", levels }]),
            images(&words, &[image]),
            Ok(plate_diagram(&crate::model::diagram::tests::nested())),
        ];
        for figure in figures {
            let figure = figure.unwrap();
            let (texts, paths) = (figure.svg().matches("<text").count(), figure.svg().matches("<path").count());
            let blank = Document::parse(figure.svg()).unwrap();
            let blank = blank.descendants().filter(|n| n.tag_name().name() == "text");
            let blank = blank.filter(|n| n.text().is_none_or(|t| t.trim().is_empty())).count();
            let outlined = outlined(figure.svg()).unwrap();
            assert!(texts > blank && !outlined.contains("<text") && !outlined.contains("NaN"));
            assert_eq!(outlined.matches("<path").count(), paths + texts - blank);
        }
    }
}
