//! Buffers of a density.

/// Buffers that a density reuses in each call.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    free: Vec<Vec<f64>>,
}

impl Scratch {
    /// Returns a buffer of `len` zeros.
    pub fn take(&mut self, len: usize) -> Vec<f64> {
        let mut buffer = self.free.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(len, 0.0);
        buffer
    }

    /// Takes a buffer back, to reuse it.
    pub fn give(&mut self, buffer: Vec<f64>) {
        self.free.push(buffer);
    }
}
