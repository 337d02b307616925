//! Which of several maps decides.

use super::{Toggle, ToggleMap, check_name};
use configbus_model::ErrorKind;

/// Where a fraction is from, in the order in which they win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToggleSource {
    /// Set in the running program.
    Mutable,
    /// Given on the command line.
    Flag,
    /// The file of the service's owner.
    ServiceOwner,
    /// What the service loads by itself.
    ServiceLoaded,
    /// The file of the library's owner.
    LibraryOwner,
}

impl ToggleSource {
    /// Every source, the winning first.
    pub const ALL: [Self; 5] = [Self::Mutable, Self::Flag, Self::ServiceOwner, Self::ServiceLoaded, Self::LibraryOwner];

    /// Returns its name, as the administrative view shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutable => "Mutable",
            Self::Flag => "Flags",
            Self::ServiceOwner => "ServiceOwner",
            Self::ServiceLoaded => "ServiceLoaded",
            Self::LibraryOwner => "LibraryOwner",
        }
    }
}

/// The layers of one library do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("library {library} has {count} maps that services load, at most 1 can be told from the others")]
pub struct LayersError {
    library: String,
    count: usize,
}

impl LayersError {
    /// Returns the kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// The five maps of one library. The first that has a toggle decides.
#[derive(Debug, Clone, Default)]
pub struct ToggleLayers {
    maps: [ToggleMap; 5],
}

impl ToggleLayers {
    /// Puts the maps of a library together. Of the owners' files the one for the environment is asked before the plain one.
    pub fn new(
        library: &str,
        flags: ToggleMap,
        service_owner: [ToggleMap; 2],
        service_loaded: Vec<ToggleMap>,
        library_owner: [ToggleMap; 2],
    ) -> Result<Self, LayersError> {
        if service_loaded.len() > 1 {
            return Err(LayersError { library: library.to_owned(), count: service_loaded.len() });
        }
        let loaded = service_loaded.into_iter().next().unwrap_or_default();
        Ok(Self { maps: [ToggleMap::default(), flags, or_else(service_owner), loaded, or_else(library_owner)] })
    }

    /// Returns the map that the running program changes.
    pub fn mutable(&mut self) -> &mut ToggleMap {
        &mut self.maps[0]
    }

    /// Returns the map of a source.
    pub fn map(&self, source: ToggleSource) -> &ToggleMap {
        &self.maps[source as usize]
    }

    /// Returns the toggle that decides.
    pub fn get(&self, id: &str) -> Option<&Toggle> {
        self.maps.iter().find_map(|map| map.get(id))
    }

    /// Returns what each source says of a toggle, the winning first.
    pub fn components(&self, id: &str) -> Vec<(ToggleSource, f64)> {
        let said = ToggleSource::ALL.into_iter().zip(&self.maps);
        said.filter_map(|(source, map)| Some((source, map.get(id)?.fraction()))).collect()
    }

    /// Returns what is in force.
    pub fn effective(&self) -> ToggleMap {
        let said = self.maps.iter().rev().flat_map(ToggleMap::iter);
        said.map(|(id, toggle)| (id, toggle.fraction())).collect()
    }
}

fn or_else([first, second]: [ToggleMap; 2]) -> ToggleMap {
    let said = second.iter().chain(first.iter());
    said.map(|(id, toggle)| (id, toggle.fraction())).collect()
}

/// Reads overrides as they are given on a command line: `id=fraction,id=fraction`. Fractions out of range and names that are
/// none are left out, as the original does.
pub fn parse_overrides(text: &str) -> ToggleMap {
    let pairs = text.split(',').filter_map(|pair| {
        let (id, fraction) = pair.trim().split_once('=')?;
        let fraction: f64 = fraction.trim().parse().ok()?;
        let id = id.trim();
        (check_name(id).is_ok() && (0.0..=1.0).contains(&fraction)).then_some((id, fraction))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(toggles: &[(&'static str, f64)]) -> ToggleMap {
        toggles.iter().copied().collect()
    }

    #[test]
    fn the_first_source_that_says_something_decides() {
        let flags = parse_overrides("com.a.flag=0.2, com.a.bad=1.5,com.a.service=x,nonsense");
        let service =
            [map(&[("com.a.env", 0.3)]), map(&[("com.a.env", 0.9), ("com.a.service", 0.4), ("com.a.flag", 0.9)])];
        let loaded = vec![map(&[("com.a.loaded", 0.5), ("com.a.service", 0.9)])];
        let library = [map(&[]), map(&[("com.a.flag", 0.9), ("com.a.loaded", 0.9), ("com.a.library", 0.6)])];
        let mut layers = ToggleLayers::new("com.a", flags, service, loaded, library).unwrap();
        layers.mutable().put("com.a.mutable", 0.1);
        let ids = ["mutable", "flag", "env", "service", "loaded", "library", "bad"];
        let fractions = ids.map(|id| layers.get(&format!("com.a.{id}")).map(Toggle::fraction));
        assert_eq!(fractions, [Some(0.1), Some(0.2), Some(0.3), Some(0.4), Some(0.5), Some(0.6), None]);
        let of_flag = layers.components("com.a.flag");
        let expected =
            [(ToggleSource::Flag, 0.2), (ToggleSource::ServiceOwner, 0.9), (ToggleSource::LibraryOwner, 0.9)];
        assert_eq!(of_flag, expected);
        assert_eq!(layers.effective().iter().count(), 6);
        layers.mutable().remove("com.a.mutable");
        assert_eq!(layers.get("com.a.mutable"), None);
    }

    #[test]
    fn two_maps_that_services_load_are_an_error() {
        let none = || [map(&[]), map(&[])];
        let error = ToggleLayers::new("com.a", map(&[]), none(), vec![map(&[]), map(&[])], none()).unwrap_err();
        assert!(error.to_string().contains("has 2 maps"));
    }
}
