//! Distributions that other tools have, or name otherwise: what to write for them.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};

use crate::builtin::{self, Builtin};
use crate::nearest::nearest;

/// Names of other tools, in small letters without underscores, with the library's.
const ALSO: &[(&str, &str)] = &[
    ("norm", "Normal"),
    ("gauss", "Normal"),
    ("gaussian", "Normal"),
    ("halfnorm", "HalfNormal"),
    ("halfgaussian", "HalfNormal"),
    ("lognorm", "LogNormal"),
    ("truncnorm", "TruncatedNormal"),
    ("multivariatenormal", "MvNormal"),
    ("multinormal", "MvNormal"),
    ("multinormalcholesky", "MvNormalCholesky"),
    ("multivariatestudentt", "MvStudentT"),
    ("mvt", "MvStudentT"),
    ("matnormal", "MatrixNormal"),
    ("student", "StudentT"),
    ("halft", "HalfStudentT"),
    ("skewnorm", "SkewNormal"),
    ("exgaussian", "ExpModNormal"),
    ("exponnorm", "ExpModNormal"),
    ("laplaceasymmetric", "AsymmetricLaplace"),
    ("logitnorm", "LogitNormal"),
    ("invgauss", "InverseGaussian"),
    ("wald", "InverseGaussian"),
    ("gumbelr", "Gumbel"),
    ("gev", "GeneralizedExtremeValue"),
    ("genextreme", "GeneralizedExtremeValue"),
    ("gpd", "GeneralizedPareto"),
    ("genpareto", "GeneralizedPareto"),
    ("invweibull", "Frechet"),
    ("fisk", "LogLogistic"),
    ("chi2", "ChiSquared"),
    ("chisquare", "ChiSquared"),
    ("scaledinvchisquare", "ScaledInverseChiSquared"),
    ("invchisquare", "InverseChiSquared"),
    ("unif", "Uniform"),
    ("reciprocal", "LogUniform"),
    ("expon", "Exponential"),
    ("exp", "Exponential"),
    ("invgamma", "InverseGamma"),
    ("doubleexponential", "Laplace"),
    ("lorentz", "Cauchy"),
    ("breitwigner", "Cauchy"),
    ("bern", "Bernoulli"),
    ("binom", "Binomial"),
    ("binomiallogit", "BinomialLogit"),
    ("betabinom", "BetaBinomial"),
    ("hypergeom", "Hypergeometric"),
    ("randint", "DiscreteUniform"),
    ("orderedlogit", "OrderedLogistic"),
    ("negbinomial", "NegativeBinomial"),
    ("nbinom", "NegativeBinomial"),
    ("geom", "Geometric"),
    ("pois", "Poisson"),
    ("cat", "Categorical"),
    ("multinom", "Multinomial"),
    ("truncate", "Truncated"),
    ("censor", "Censored"),
    ("dinterval", "Grouped"),
    ("interval", "Grouped"),
    ("intervalcensored", "Grouped"),
    ("lkj", "LkjCholesky"),
    ("lkjcorr", "LkjCholesky"),
    ("lkjcorrcholesky", "LkjCholesky"),
    ("lkjcholeskycov", "LkjCholesky"),
    ("invwishart", "InverseWishart"),
    ("invwishartcholesky", "InverseWishartCholesky"),
    ("wishartbartlett", "Wishart"),
    ("vmf", "VonMisesFisher"),
    ("sumtozeronormal", "ZeroSumNormal"),
    ("gaussianrandomwalk", "RandomWalk"),
    ("rw1", "RandomWalk"),
    ("rw2", "RandomWalk2"),
    ("gp", "GaussianProcess"),
    ("besag", "Icar"),
    ("intrinsiccar", "Icar"),
    ("improper", "Flat"),
    ("improperuniform", "Flat"),
    ("halfflat", "Flat"),
];

const LET: &str = "a value that does not vary is no draw: write `let x = 0.0;`, or `param x: f64 = 0.0;`";
const ZERO: &str = "write `ZeroInflated(probability, Poisson(rate))`, with the probability of an additional zero";
const HURDLE: &str = "write `Hurdle(probability, Poisson(rate))`, with the probability of zero";
const SERIES: &str = "there are no sequences: a path is a function of independent steps, `global step[100] ~ Normal(0.0, 1.0);` \
                      and `let x = path(step);` with `fn path<T: Real>(step: [T; 100]) -> [T; 100]`";
const BYM: &str = "draw both parts, `local smooth ~ ScaledIcar(edges);` and `local own ~ Normal(0.0, 1.0);`, and write \
                   `let x = sd * (rho.sqrt() * smooth + (1.0 - rho).sqrt() * own);`";

/// Names of distributions that the library has not, in small letters without underscores, with what to write.
const INSTEAD: &[(&str, &str)] = &[
    ("dirac", LET),
    ("delta", LET),
    ("diracdelta", LET),
    ("constant", LET),
    ("degenerate", LET),
    ("deterministic", LET),
    ("pointmass", LET),
    ("zeroinflatedpoisson", ZERO),
    ("zeroinflatednegativebinomial", ZERO),
    ("zeroinflatedbinomial", ZERO),
    ("hurdlepoisson", HURDLE),
    ("hurdlenegativebinomial", HURDLE),
    ("zip", ZERO),
    ("ar", SERIES),
    ("ar1", SERIES),
    ("bym", BYM),
    ("bym2", BYM),
    ("erlang", "write `Gamma(shape, rate)`"),
    ("rice", "near it are `Gamma` and `TruncatedNormal`"),
    ("triangular", "near it are `Beta` and `TruncatedNormal`"),
];

const OWN: &str = "or a type of your own that implements `Distribution` and `Draw`, declared outside of functions";

/// Says what to write for a distribution that is called `name` elsewhere; `None` if nothing is known of it.
pub fn advice(name: &Ident) -> Option<String> {
    let plain = name.to_string().to_lowercase().replace('_', "");
    if let Some(known) = library(&plain) {
        let signature = known.signature();
        return (*name != known.name).then(|| format!("`{name}` is called `{signature}` here"));
    }
    let (_, instead) = INSTEAD.iter().find(|(known, _)| *known == plain)?;
    Some(format!("the library has no distribution `{name}`: {instead}; {OWN}"))
}

/// Says what to write for `name`, which stands for a distribution and is written as a function is; `None` if it resembles none.
pub fn misspelt(name: &Ident) -> Option<String> {
    let plain = name.to_string().replace('_', "");
    let near = || nearest(&plain, builtin::names()).and_then(builtin::find);
    advice(name).or_else(|| {
        near().map(|known| format!("no distribution is called `{name}`: is `{}` meant?", known.signature()))
    })
}

/// Finds the library's distribution of the name `plain`, in small letters without underscores, or that other tools call so.
fn library(plain: &str) -> Option<&'static Builtin> {
    let also = ALSO.iter().find(|(known, _)| *known == plain).map(|(_, name)| *name);
    also.or_else(|| builtin::names().find(|name| name.to_lowercase() == plain)).and_then(builtin::find)
}

/// Emits what makes the distribution `name`, which is the user's own if there is one, and else an error: names of the module are
/// looked up before those of the block around, and those of a function after. The error is `why`; `None` if code beside this one
/// has it.
pub fn stand_in(name: &Ident, arguments: usize, why: Option<&str>) -> TokenStream {
    let span = name.span();
    let types: Vec<Ident> = (0..arguments).map(|i| format_ident!("A{i}")).collect();
    let message = why.map(|why| {
        let why = why.replace('{', "{{").replace('}', "}}");
        quote_spanned! {span=>
            #[diagnostic::on_unimplemented(message = #why, label = "no such distribution")]
            trait Distribution {}
        }
    });
    // As to the lifetime, see `no_density`.
    let never = why.map(|_| quote_spanned!(span=> for<'a> (&'a (),): Distribution,));
    quote_spanned!(span=> {
        #message
        #[allow(dead_code)]
        struct #name;
        #[allow(dead_code)]
        impl #name {
            fn new<T, #(#types),*>(#(_: #types),*) -> ::hierarch::distributions::HalfNormal<T>
            where
                #never
                T: ::hierarch::autodiff::Real,
            {
                ::hierarch::distributions::HalfNormal::new(T::from(1.0))
            }
        }
        {
            #[allow(unused_imports)]
            use self::*;
            #name::new
        }
    })
}
