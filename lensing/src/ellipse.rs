//! The position, axis ratio and orientation of a profile.

use serde::{Deserialize, Serialize};

use super::error::{require, require_finite};
use super::{LensingError, off_center};
use hierarch_core::autodiff::{Lift, Real};

/// Concentric similar ellipses, each as large as the circle of its radius: the radius of a position is
/// R = sqrt(q x^2 + y^2 / q), with x along the major axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ellipse<T> {
    /// The centre, (x, y) in arcsec.
    pub center: [T; 2],
    /// The minor axis over the major axis, q in (0, 1].
    pub axis_ratio: T,
    /// The direction of the major axis, of length one: (cos, sin) of the position angle.
    pub major_axis: [T; 2],
}

impl<T: Real> Ellipse<T> {
    /// Creates an ellipse with the position angle `angle` of its major axis in radians, counted from x towards y.
    #[inline(always)]
    pub fn new(center: [T; 2], axis_ratio: T, angle: T) -> Self {
        Self { center, axis_ratio, major_axis: [angle.cos(), angle.sin()] }
    }

    /// Creates an ellipse whose major axis is along x.
    #[inline(always)]
    pub fn along_x(center: [T; 2], axis_ratio: T) -> Self {
        Self { center, axis_ratio, major_axis: [T::from(1.0), T::from(0.0)] }
    }

    /// Creates a circle.
    #[inline(always)]
    pub fn round(center: [T; 2]) -> Self {
        Self::along_x(center, T::from(1.0))
    }

    /// Returns a position relative to the centre: its components along the major and the minor axis.
    #[inline(always)]
    pub fn to_axes(&self, position: [T; 2]) -> [T; 2] {
        let [x, y] = [position[0] - self.center[0], position[1] - self.center[1]];
        let [cos, sin] = self.major_axis;
        [x * cos + y * sin, y * cos - x * sin]
    }

    /// Returns the radius R of the ellipse through `position`, in arcsec.
    #[inline(always)]
    pub fn radius(&self, position: [T; 2]) -> T {
        let [x, y] = self.to_axes(position);
        off_center(self.axis_ratio * x * x + y * y / self.axis_ratio).sqrt()
    }

    /// Returns a vector, given by its components along the major and the minor axis, in x and y: rotated back, not
    /// shifted.
    #[inline(always)]
    pub fn from_axes(&self, [along, across]: [T; 2]) -> [T; 2] {
        let [cos, sin] = self.major_axis;
        [along * cos - across * sin, along * sin + across * cos]
    }
}

impl Ellipse<f64> {
    /// Returns the ellipse for positions of any scalar.
    #[inline(always)]
    pub(super) fn lift<T: Real>(&self) -> Ellipse<T> {
        Ellipse {
            center: Lift::lift(self.center),
            axis_ratio: T::from(self.axis_ratio),
            major_axis: Lift::lift(self.major_axis),
        }
    }

    /// Returns an error for the first invalid number of the ellipse; `of` is what has the ellipse.
    pub(super) fn require(&self, of: &'static str) -> Result<(), LensingError> {
        require_finite(of, "the x of the center", self.center[0])?;
        require_finite(of, "the y of the center", self.center[1])?;
        require(self.axis_ratio > 0.0 && self.axis_ratio <= 1.0, of, "axis_ratio", self.axis_ratio, "in (0, 1]")?;
        let length = self.major_axis[0].hypot(self.major_axis[1]);
        require(
            (length - 1.0).abs() < 1e-6,
            of,
            "the length of major_axis",
            length,
            "one: (cos, sin) of the position angle",
        )
    }
}
