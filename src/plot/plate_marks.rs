//! The marks of a plate diagram as SVG: outlines, arrows, words.

use super::geometry::{Curve, Point, Rect};
use super::{PALETTE, width};
use crate::model::diagram::Look;

pub(super) const SMALL: f64 = 14.0;
pub(super) const TEXT: f64 = 16.0;
pub(super) fn hex(index: usize) -> String {
    let c = PALETTE[index];
    format!("#{:02x}{:02x}{:02x}", c.0, c.1, c.2)
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn text((x, y): Point, size: f64, content: &str) -> String {
    let y = y + 0.35 * size;
    let content = escape(content);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"middle\">{content}</text>\n")
}

/// The label of a plate, legible where an arrow passes behind it.
pub(super) fn text_on_white((x, y): Point, content: &str) -> String {
    let half = width(content, SMALL) / 2.0;
    let (left, top) = (x - half - 2.0, y - 9.0);
    let back = format!(
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"18\" fill=\"#ffffff\"/>\n<g fill=\"{}\">",
        2.0 * half + 4.0,
        hex(0)
    );
    back + &text((x, y), SMALL, content) + "</g>\n"
}

pub(super) fn outline(rect: &Rect, look: Look) -> String {
    let ((x, y), (w, h)) = (rect.centre, rect.half);
    let ellipse = |w: f64, h: f64, fill: &str, line: f64| {
        format!(
            "<ellipse cx=\"{x:.1}\" cy=\"{y:.1}\" rx=\"{w:.1}\" ry=\"{h:.1}\" fill=\"{fill}\" stroke=\"#1e1e1e\" \
             stroke-width=\"{line}\"/>\n"
        )
    };
    match look {
        Look::Latent => ellipse(w, h, "#ffffff", 1.6),
        Look::Discrete => ellipse(w, h, "#ffffff", 1.6) + &ellipse(w - 3.5, h - 3.5, "none", 1.2),
        Look::Observed => ellipse(w, h, "#cccccc", 1.6),
        Look::Derived => ellipse(w, h, "#ffffff", 0.6),
        Look::Given => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#cccccc\" stroke=\"#1e1e1e\" \
             stroke-width=\"1.6\"/>\n",
            x - w,
            y - h,
            2.0 * w,
            2.0 * h
        ),
        Look::Param => String::new(),
    }
}

/// A curve with an arrow head at its end.
pub(super) fn arrow(curve: &Curve) -> String {
    let [a, b, tip] = curve.0;
    let (dx, dy) = (tip.0 - b.0, tip.1 - b.1);
    let length = dx.hypot(dy).max(1e-9);
    let (ux, uy) = (dx / length, dy / length);
    let neck = (tip.0 - 9.0 * ux, tip.1 - 9.0 * uy);
    format!(
        "<path d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\" fill=\"none\" stroke=\"#1e1e1e\" stroke-width=\"1.3\"/>\n\
         <path d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>\n",
        a.0,
        a.1,
        b.0,
        b.1,
        neck.0,
        neck.1,
        tip.0,
        tip.1,
        neck.0 - 4.0 * uy,
        neck.1 + 4.0 * ux,
        neck.0 + 4.0 * uy,
        neck.1 - 4.0 * ux
    )
}
