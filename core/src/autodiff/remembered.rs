//! What long functions were last at: those of globals alone are asked the same again for each register of elements.

use std::cell::Cell;

/// How many functions there are that are remembered.
pub const FUNCTIONS: usize = 4;

thread_local! {
    /// Two numbers that each function was last at in all lanes, with its value and its slope: on registers, and on plain numbers, which
    /// round otherwise, so that what is found never depends on what was asked before.
    static LAST: [[[Cell<[f64; 3]>; 2]; FUNCTIONS]; 2] =
        const { [const { [const { [const { Cell::new([f64::NAN; 3]) }; 2] }; FUNCTIONS] }; 2] };
}

/// Returns the value and the slope of the function `place` at the number `x`, `plain` or in all lanes of a register: what is known of
/// it, or what `work` finds.
#[inline(always)]
pub fn remembered(plain: bool, place: usize, x: f64, work: impl FnOnce() -> [f64; 2]) -> [f64; 2] {
    LAST.with(|last| {
        let [newer, older] = &last[usize::from(plain)][place];
        for known in [newer, older] {
            let [at, value, slope] = known.get();
            if at == x {
                return [value, slope];
            }
        }
        let [value, slope] = work();
        older.set(newer.replace([x, value, slope]));
        [value, slope]
    })
}
