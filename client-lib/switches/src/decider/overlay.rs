//! Where overlays stand.

/// Whose overlays a program takes. A level that is not said ends the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverlayPlace {
    levels: Vec<String>,
}

impl OverlayPlace {
    /// Returns the place of a role.
    ///
    /// ```
    /// use configbus_switches::decider::OverlayPlace;
    /// let place = OverlayPlace::role("ads").service("mixer").environment("prod").zone("atla");
    /// assert_eq!(place.paths().last().unwrap(), "overlays/ads/mixer/prod/atla/decider_overlay.yml");
    /// ```
    pub fn role(role: &str) -> Self {
        Self { levels: vec![role.to_owned()] }
    }

    /// Adds the service.
    #[must_use]
    pub fn service(self, service: &str) -> Self {
        self.at(1, service)
    }

    /// Adds the environment.
    #[must_use]
    pub fn environment(self, environment: &str) -> Self {
        self.at(2, environment)
    }

    /// Adds the zone.
    #[must_use]
    pub fn zone(self, zone: &str) -> Self {
        self.at(3, zone)
    }

    /// A level only means something below the ones before it.
    fn at(mut self, level: usize, name: &str) -> Self {
        self.levels.truncate(level);
        if self.levels.len() == level {
            self.levels.push(name.to_owned());
        }
        self
    }

    /// Returns the files, the most general first: each wins over the ones before it.
    pub fn paths(&self) -> Vec<String> {
        let chain = (1..=self.levels.len()).map(|depth| self.levels[..depth].join("/"));
        chain.map(|folder| format!("overlays/{folder}/decider_overlay.yml")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_special_file_comes_last() {
        let paths = OverlayPlace::role("ads").service("mixer").environment("prod").zone("atla").paths();
        let expected = [
            "overlays/ads/decider_overlay.yml",
            "overlays/ads/mixer/decider_overlay.yml",
            "overlays/ads/mixer/prod/decider_overlay.yml",
            "overlays/ads/mixer/prod/atla/decider_overlay.yml",
        ];
        assert_eq!(paths, expected);
        assert_eq!(OverlayPlace::role("ads").zone("atla").paths(), &expected[..1]);
        assert!(OverlayPlace::default().paths().is_empty());
    }
}
