//! Models of textbooks: each against a closed form, quadrature, or the truth behind simulated data.
