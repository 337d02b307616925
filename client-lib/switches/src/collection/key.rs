//! How a switch that has a file of its own is called.

/// Returns how the switch in a file is called: its path below what is literal in the pattern that names it, without the extension.
///
/// ```
/// use configbus_switches::key_below;
/// assert_eq!(key_below("features/**", "features/checkout/cart.yaml"), "checkout/cart");
/// assert_eq!(key_below("shop/switches", "shop/switches/cart.json"), "cart");
/// assert_eq!(key_below("web/cart.yaml", "web/cart.yaml"), "cart");
/// ```
pub fn key_below<'p>(pattern: &str, path: &'p str) -> &'p str {
    let literal = pattern.trim_start_matches('/');
    let literal = literal.find(['*', '?', '[', '\\']).map_or(literal, |wild| &literal[..wild]);
    let named = path.strip_prefix(literal).and_then(|below| below.strip_prefix('/'));
    let folder = literal.rfind('/').map_or("", |slash| &literal[..=slash]);
    let below = named.or_else(|| path.strip_prefix(folder)).unwrap_or(path);
    below.rsplit_once('.').map_or(below, |(key, _)| key)
}
