//! The first bytes of an item: a major type and a number.

pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;

/// Writes a head in the shortest form.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    match number {
        0..24 => out.push(major | h),
        24..=0xff => out.extend([major | 24, h]),
        0x100..=0xffff => out.extend([major | 25, g, h]),
        0x1_0000..=0xffff_ffff => out.extend([major | 26, e, f, g, h]),
        _ => out.extend([major | 27, a, b, c, d, e, f, g, h]),
    }
}
