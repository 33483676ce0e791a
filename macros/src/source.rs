//! An expression as text, on one line and spaced as rustfmt would: the same however it was written. (The text of the source is
//! not to be had: on stable Rust, the span of several tokens is that of the first.)

use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;

use crate::sums;

/// Takes the name of what stands for an earlier value apart, `__before_1_x`, to write it as the user did.
fn sequence_word(name: &str) -> Option<String> {
    let (steps, of) = name.strip_prefix("__before_")?.split_once('_')?;
    let steps = steps.split('n').next()?;
    Some(match (steps, of) {
        ("1", "") => "is_first()".to_owned(),
        (steps, "") => format!("is_first({steps})"),
        ("1", of) => format!("prev({of})"),
        (steps, of) => format!("prev({of}, {steps})"),
    })
}

/// Writes `expr` as text.
pub fn source(expr: &Expr) -> String {
    let mut text = String::new();
    write(expr.to_token_stream(), &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn write(tokens: TokenStream, text: &mut String) {
    // Whether no space may come before the next token.
    let mut joint = true;
    let mut before: Option<TokenTree> = None;
    for token in tokens {
        joint = match &token {
            TokenTree::Group(group) => {
                let sum = before.as_ref().and_then(|word| sums::as_written(word, group.stream()));
                match sum {
                    Some(inside) => write_group(&Group::new(group.delimiter(), inside), joint, text),
                    None => write_group(group, joint, text),
                }
                false
            }
            TokenTree::Punct(punct) => write_punct(punct, joint, text),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if !joint {
                    text.push(' ');
                }
                let written = token.to_string();
                text.push_str(&sequence_word(&written).unwrap_or(written));
                false
            }
        };
        before = Some(token);
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
