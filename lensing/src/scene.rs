//! Lenses and sources of plain numbers, at positions of any scalar: a camera computes several pixels at once, in one
//! vector register.

use super::{Deflector, Nfw, Sersic, Shear, Sie, Sis};
use hierarch_core::autodiff::{Lift, Real};

/// A lens as seen by a [`Camera`](super::Camera). A tuple or a slice of lenses deflects by their sum, `()` not at all.
///
/// A lens of your own is as fast as these if its method is `#[inline(always)]`.
///
/// ```
/// use hierarch_core::autodiff::Real;
/// use hierarch_lensing::*;
///
/// /// A point mass at the origin, with its Einstein radius in arcsec.
/// struct PointMass(f64);
///
/// impl Lens for PointMass {
///     #[inline(always)]
///     fn deflection_at<T: Real>(&self, [x, y]: [T; 2]) -> [T; 2] {
///         let scale = (x * x + y * y).recip() * (self.0 * self.0);
///         [x * scale, y * scale]
///     }
/// }
///
/// let mass = PointMass(1.0);
/// let position = [2.0_f64, 0.0];
/// assert_eq!(mass.deflection_at(position), [0.5, 0.0]);
/// // Two lenses deflect by their sum.
/// let shear = Shear { gamma1: 0.25_f64, gamma2: 0.0 };
/// assert_eq!((mass, shear).deflection_at(position), [0.5 + 0.25 * 2.0, 0.0]);
/// ```
pub trait Lens: Sync {
    /// Returns the deflection in arcsec at `position` in arcsec. It is [`Deflector::deflection`] of a lens of plain
    /// numbers, for positions of any scalar; `Deflector::deflection` takes positions of the lens's own scalar.
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2];
}

/// A source of light behind a lens. A tuple or a slice of sources has their total brightness, `()` none.
///
/// ```
/// use hierarch_core::autodiff::Real;
/// use hierarch_lensing::*;
///
/// /// A disc in the middle, equally bright up to its radius.
/// struct Disc {
///     radius: f64,
///     brightness: f64,
/// }
///
/// impl Light for Disc {
///     #[inline(always)]
///     fn brightness_at<T: Real>(&self, [x, y]: [T; 2]) -> T {
///         let inside = T::from(self.brightness);
///         (x * x + y * y).if_le(T::from(self.radius * self.radius), inside, T::from(0.0))
///     }
/// }
///
/// // Three by three pixels of one square arcsec, no sky, no lens.
/// let camera = Camera::<3, 3>::new(1.0, 0.0)?;
/// let image = camera.expected_counts(&(), &[], &Disc { radius: 0.5, brightness: 7.0 });
/// assert_eq!(image, [[0.0, 0.0, 0.0], [0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]);
/// # Ok::<(), LensingError>(())
/// ```
pub trait Light: Sync {
    /// Returns the surface brightness, in counts per arcsec^2, at `position` in the source plane in arcsec.
    fn brightness_at<T: Real>(&self, position: [T; 2]) -> T;
}

impl Lens for Sie<f64> {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        Sie { ellipse: self.ellipse.lift(), einstein_radius: T::from(self.einstein_radius) }.deflection(position)
    }
}

impl Lens for Sis<f64> {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        Sis { center: Lift::lift(self.center), einstein_radius: T::from(self.einstein_radius) }.deflection(position)
    }
}

impl Lens for Nfw<f64> {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        let (scale_radius, scale_convergence) = (T::from(self.scale_radius), T::from(self.scale_convergence));
        Nfw { center: Lift::lift(self.center), scale_radius, scale_convergence }.deflection(position)
    }
}

impl Lens for Shear<f64> {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        Shear { gamma1: T::from(self.gamma1), gamma2: T::from(self.gamma2) }.deflection(position)
    }
}

impl<L: Lens + ?Sized> Lens for &L {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        (**self).deflection_at(position)
    }
}

impl<L: Lens> Lens for [L] {
    #[inline(always)]
    fn deflection_at<T: Real>(&self, position: [T; 2]) -> [T; 2] {
        self.iter().fold([T::from(0.0); 2], |[x, y], lens| {
            let [by_x, by_y] = lens.deflection_at(position);
            [x + by_x, y + by_y]
        })
    }
}

impl Light for Sersic<f64> {
    #[inline(always)]
    fn brightness_at<T: Real>(&self, position: [T; 2]) -> T {
        self.lift().brightness(position)
    }
}

impl<S: Light + ?Sized> Light for &S {
    #[inline(always)]
    fn brightness_at<T: Real>(&self, position: [T; 2]) -> T {
        (**self).brightness_at(position)
    }
}

impl<S: Light> Light for [S] {
    #[inline(always)]
    fn brightness_at<T: Real>(&self, position: [T; 2]) -> T {
        self.iter().fold(T::from(0.0), |sum, source| sum + source.brightness_at(position))
    }
}

macro_rules! sum {
    ($($each:ident $i:tt),*) => {
        impl<$($each: Lens),*> Lens for ($($each,)*) {
            #[inline(always)]
            fn deflection_at<T: Real>(&self, _position: [T; 2]) -> [T; 2] {
                let sum = [T::from(0.0); 2];
                $(let sum = {
                    let [by_x, by_y] = self.$i.deflection_at(_position);
                    [sum[0] + by_x, sum[1] + by_y]
                };)*
                sum
            }
        }

        impl<$($each: Light),*> Light for ($($each,)*) {
            #[inline(always)]
            fn brightness_at<T: Real>(&self, _position: [T; 2]) -> T {
                T::from(0.0) $(+ self.$i.brightness_at(_position))*
            }
        }
    };
}
sum!();
sum!(A 0, B 1);
sum!(A 0, B 1, C 2);
