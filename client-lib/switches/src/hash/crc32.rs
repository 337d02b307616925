//! CRC-32 as in zip files; only checksums of maps need it, so it is short rather than fast.

/// Returns the CRC-32 of bytes.
///
/// ```
/// assert_eq!(configbus_switches::crc32(b"123456789"), 0xCBF4_3926);
/// ```
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
