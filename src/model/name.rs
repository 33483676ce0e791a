//! Names of plates and variables, and the error for a name that does not exist.

use std::borrow::Cow;
use std::fmt;

/// The name of a plate, of a variable, or of one of its numbers: `events`, `mass`, `mu[2]`.
///
/// `model!` makes a constant of each name of a model, so that the compiler finds a misspelt one: `Resonance::MASS`
/// instead of `"mass"`. Functions take either.
///
/// ```
/// use hierarch::model::UnknownName;
/// use hierarch::prelude::*;
///
/// model! {
///     pub Coins {
///         global bias[2] ~ Beta(1.0, 1.0);
///         plate tosses(1..=100) {
///             observe heads ~ Bernoulli(bias[0]);
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Coins::default();
/// let data = model.simulate(1).size(Coins::TOSSES, 30).one()?.data;
/// let chains = model.nuts(&data).run()?;
/// let first: Name = Coins::BIAS.at(0);
/// assert_eq!(chains.mean(first)?, chains.mean("bias[0]")?);
/// let error: UnknownName = chains.mean("bias").unwrap_err();
/// assert_eq!(error.known, ["bias[0]", "bias[1]"]);
/// assert!(error.to_string().contains("there are `bias[0]`, `bias[1]`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Cow<'static, str>);

impl Name {
    /// Makes a name that is known when the program is compiled.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Returns the name of component or element `index`: `mu[2]`.
    pub fn at(&self, index: usize) -> Self {
        Self(Cow::Owned(format!("{}[{index}]", self.0)))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }
}

impl From<&&str> for Name {
    fn from(name: &&str) -> Self {
        (*name).into()
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl From<&String> for Name {
    fn from(name: &String) -> Self {
        name.as_str().into()
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

/// A name that does not exist.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{name}`; there are {}", listed(known))]
pub struct UnknownName {
    /// What the name should be of, such as `plate` or `global`.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The names that exist.
    pub known: Vec<String>,
}

hierarch_core::debug_as_message!(UnknownName);

impl UnknownName {
    /// Returns the position of `name` among the names that exist.
    ///
    /// # Errors
    /// There is no such name.
    pub(crate) fn find<S: AsRef<str>>(what: &'static str, name: &str, known: &[S]) -> Result<usize, UnknownName> {
        let found = known.iter().position(|one| one.as_ref() == name);
        found.ok_or_else(|| UnknownName {
            what,
            name: name.to_owned(),
            known: known.iter().map(|one| one.as_ref().to_owned()).collect(),
        })
    }
}

/// Returns the names as a list for a message; a long list is cut short.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 if first.is_empty() => "none".to_owned(),
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_exist_is_told_from_those_that_do() {
        assert_eq!(UnknownName::find("global", "b", &["a", "b"]), Ok(1));
        let error = |known: &[String]| UnknownName::find("global", "x", known).unwrap_err().to_string();
        assert_eq!(error(&["a".to_owned()]), "there is no global `x`; there are `a`");
        assert_eq!(error(&[]), "there is no global `x`; there are none");
        let many: Vec<String> = (0..23).map(|i| format!("a[{i}]")).collect();
        assert!(error(&many).ends_with("`a[19]` and 3 more"));
    }
}
