//! An expression as text, on one line and spaced as rustfmt would: the same however it was written. (The text of the source is
//! not to be had: on stable Rust, the span of several tokens is that of the first.)

use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;

/// Writes `expr` as text.
pub fn source(expr: &Expr) -> String {
    let mut text = String::new();
    write(expr.to_token_stream(), &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn write(tokens: TokenStream, text: &mut String) {
    // Whether no space may come before the next token.
    let mut joint = true;
    for token in tokens {
        joint = match &token {
            TokenTree::Group(group) => {
                write_group(group, joint, text);
                false
            }
            TokenTree::Punct(punct) => write_punct(punct, joint, text),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if !joint {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
                false
            }
        };
    }
}

fn write_group(group: &Group, joint: bool, text: &mut String) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => (" { ", " }"),
        Delimiter::None => ("", ""),
    };
    if !joint && text.ends_with([',', '=', '+', '-', '*', '/', '<', '>', '|', '&', '%']) {
        text.push(' ');
    }
    text.push_str(open);
    write(group.stream(), text);
    text.push_str(close);
}

/// Writes `punct`, and tells whether no space may come after it.
fn write_punct(punct: &Punct, joint: bool, text: &mut String) -> bool {
    let tight = matches!(punct.as_char(), ',' | '.' | ';' | ':' | '?' | '!');
    let unary = text.is_empty() || text.ends_with(['(', '[', ',', '=', '+', '-', '*', '/', '<', '>']);
    if !joint && !tight {
        text.push(' ');
    }
    text.push(punct.as_char());
    unary && !tight || punct.spacing() == Spacing::Joint || matches!(punct.as_char(), '.' | ':' | '!')
}
