//! The parts of a page: text that is escaped, tables, and embedded figures.

use std::fmt::Write;

use crate::plot::Figure;

/// Escapes `text` so that a browser shows it unchanged, between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML forbids these, and no browser shows them.
            c if c.is_control() && !c.is_whitespace() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Escapes `text` and marks what is between `backticks` as code.
pub(super) fn marked(text: &str) -> String {
    let text = escape(text);
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return text;
    }
    let piece =
        |(i, piece): (usize, &&str)| if i % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_string() };
    pieces.iter().enumerate().map(piece).collect()
}

/// What a column of a table holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Text,
    /// A name, in one line.
    Code,
    /// Code of several words.
    Definition,
    Number,
}

/// A page under construction.
#[derive(Default)]
pub(super) struct Page {
    pub html: String,
    /// The number of figures so far, from which the names of their parts are made.
    figures: usize,
}

impl Page {
    pub fn heading(&mut self, id: &str, title: &str) {
        let _ = writeln!(self.html, "<h2 id=\"{id}\">{}</h2>", escape(title));
    }

    pub fn subheading(&mut self, title: &str) {
        let _ = writeln!(self.html, "<h3>{}</h3>", escape(title));
    }

    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p>{}</p>", marked(text));
    }

    pub fn remark(&mut self, text: &str) {
        let _ = writeln!(self.html, "<p class=\"faint\">{}</p>", marked(text));
    }

    /// Adds a table with a caption, which may be empty. Columns that are empty in every row are left out.
    pub fn table(&mut self, caption: &str, columns: &[(&str, Cell)], rows: &[Vec<String>]) {
        let used: Vec<usize> = (0..columns.len()).filter(|c| rows.iter().any(|row| !row[*c].is_empty())).collect();
        let class = |c: usize| match columns[c].1 {
            Cell::Text => "",
            Cell::Code => " class=\"c\"",
            Cell::Definition => " class=\"d\"",
            Cell::Number => " class=\"n\"",
        };
        self.html += "<div class=\"scroll\"><table>\n";
        if !caption.is_empty() {
            let _ = writeln!(self.html, "<caption>{}</caption>", escape(caption));
        }
        if columns.iter().any(|c| !c.0.is_empty()) {
            let head = used.iter().map(|c| format!("<th{}>{}</th>", class(*c), escape(columns[*c].0)));
            let _ = writeln!(self.html, "<thead><tr>{}</tr></thead>", head.collect::<String>());
        }
        self.html += "<tbody>\n";
        for row in rows {
            let cell = |c: &usize| {
                let text = marked(&row[*c]);
                let is_code = matches!(columns[*c].1, Cell::Code | Cell::Definition) && !text.is_empty();
                let text = if is_code { format!("<code>{text}</code>") } else { text };
                format!("<td{}>{text}</td>", class(*c))
            };
            let _ = writeln!(self.html, "<tr>{}</tr>", used.iter().map(cell).collect::<String>());
        }
        self.html += "</tbody></table></div>\n";
    }

    /// Adds small figures side by side, each with a description for those who cannot see it.
    pub fn figures(&mut self, figures: &[(String, Figure)]) {
        if figures.is_empty() {
            return;
        }
        self.html += "<div class=\"figures\">\n";
        for (says, figure) in figures {
            let svg = self.inline(figure, says);
            let _ = writeln!(self.html, "<figure>{svg}</figure>");
        }
        self.html += "</div>\n";
    }

    /// Adds a large figure with a caption, which may be empty.
    pub fn figure(&mut self, says: &str, caption: &str, figure: &Figure) {
        let svg = self.inline(figure, says);
        let below =
            if caption.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>", marked(caption)) };
        // Its text is no larger than the page's, and never too small to read: then the figure is scrolled.
        let widths = attribute(&svg, "width").map_or((900.0, 540.0), |w| (w, 0.6 * w));
        let _ = writeln!(
            self.html,
            "<figure class=\"alone\" style=\"max-width:{:.0}px\"><div style=\"min-width:{:.0}px\">{svg}</div>{below}</figure>",
            widths.0, widths.1
        );
    }

    /// Returns the figure as an element of the page. The names of its parts are made unique, since a page cannot
    /// contain a name twice.
    fn inline(&mut self, figure: &Figure, says: &str) -> String {
        self.figures += 1;
        let svg = figure.svg();
        let svg = &svg[svg.find("<svg").unwrap_or(0)..];
        let mut own = format!("<svg role=\"img\" aria-label=\"{}\"{}", escape(says), svg.trim_start_matches("<svg"));
        for before in [" id=\"", "url(#", "href=\"#"] {
            own = own.replace(before, &format!("{before}f{}-", self.figures));
        }
        own.trim_end().to_owned()
    }
}

/// The value of the first attribute of that name.
fn attribute(element: &str, name: &str) -> Option<f64> {
    let tag = &element[..element.find('>')?];
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[from..].split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::lines;

    #[test]
    fn marks_code_and_escapes_the_rest() {
        assert_eq!(marked("`a < b` & 'c'"), "<code>a &lt; b</code> &amp; &#39;c&#39;");
        assert_eq!(marked("one ` alone\u{7}"), "one ` alone\u{fffd}");
    }

    #[test]
    fn names_in_two_figures_are_two() {
        let figure = lines(&Default::default(), &[]).unwrap();
        let mut page = Page::default();
        page.figure("\"first\" width=\"1\"", "", &figure);
        page.figure("second", "a caption", &figure);
        assert!(!page.html.contains("<?xml") && page.html.contains("aria-label=\"&quot;first&quot;"));
        assert_eq!(page.html.matches("max-width:900px").count(), 2);
        let named = |page: &mut Page, text: &str| {
            let svg = format!("<svg width=\"9\"><g id=\"a\"/><use href=\"#a\" fill=\"url(#a)\"/>{text}</svg>");
            page.inline(&Figure::from_svg(svg), "")
        };
        let (third, fourth) = (named(&mut page, ""), named(&mut page, ""));
        assert!(third.contains("id=\"f3-a\"") && third.contains("href=\"#f3-a\"") && third.contains("url(#f3-a)"));
        assert!(fourth.contains("id=\"f4-a\"") && !fourth.contains("#a"));
    }
}
