//! Toggles.

use super::documents;
use crate::toggle::{Toggle, ToggleFile, ToggleFileKind, ToggleMap, parse_overrides};

/// Inputs that are asked about.
const INPUTS: [i32; 5] = [i32::MIN, -1, 0, 999, i32::MAX];

/// Takes a file of toggles, and a text that a command line may have.
pub fn toggles(data: &[u8]) {
    let text = data.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default();
    let overrides = parse_overrides(&String::from_utf8_lossy(text));
    check_map(&overrides);
    let Some([document]) = documents(data.split(|byte| *byte == 0).next().unwrap_or_default()) else { return };
    for name in ["com.a.json", "com.a-service.json"] {
        if let Ok(file) = ToggleFile::parse(&document, ToggleFileKind::of_file_name(name)).usable() {
            check_map(&ToggleMap::of_file(&file));
        }
    }
}

fn check_map(map: &ToggleMap) {
    for (id, toggle) in map.iter() {
        assert!((0.0..=1.0).contains(&toggle.fraction()), "{id}: {}", toggle.fraction());
        let wider = Toggle::new(id, toggle.fraction() + (1.0 - toggle.fraction()) / 2.0);
        for input in INPUTS {
            assert!(!toggle.is_on(input) || wider.is_on(input), "{id} turns {input} off");
        }
    }
    assert_eq!(map.checksum(), map.clone().checksum());
}
