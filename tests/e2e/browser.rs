//! A page in a browser that tries to write to the loopback port.

use configbus_tests::{bus::Bus, rest::Rest};

#[test]
fn foreign_pages_cannot_write_or_rebind() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    let path = "/v1/files/owned.json";
    assert_eq!(rest.put(path, &[("Origin", "https://evil.example")], "1").status, 403);
    assert_eq!(rest.put(path, &[("Sec-Fetch-Site", "cross-site")], "1").status, 403);
    assert_eq!(rest.put(path, &[("Host", "evil.example")], "1").status, 421);
    assert_eq!(rest.get("/v1/list/", &[("Host", "evil.example:7420")]).status, 421);
    let reading = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(rest.get("/v1/log", &reading).status, 403);
    let plain = [("Content-Type", "text/plain")];
    let edits = "{\"edits\": [{\"path\": \"owned.json\", \"expected\": \"any\", \"content\": \"1\"}]}";
    assert_eq!(rest.post("/v1/commits", &plain, edits).status, 415);
    assert_eq!(rest.get(path, &[]).status, 404, "nothing of it landed");

    let agent = Rest::new(&bus.endpoints().agents[0].listen);
    assert_eq!(agent.get("/status", &[("Host", "evil.example")]).status, 421);
}
