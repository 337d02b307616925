//! A shop whose cart is decided by switches: `shop [ROOT] [ADDRESS]`. See README.md beside it.

use configbus_client::{
    ConfigBus, DeciderHandle, ExperimentHandle, FlagHandle, FlagPlaces, OverlayPlace, Recipient, switches::Context,
};
use serde_json::{Value, json};
use std::{
    env,
    error::Error,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// Requests at once.
const WORKERS: usize = 4;

/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest line of a request.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// The switches of the shop. Handles are cheap to ask, and always current.
struct Shop {
    new_db: DeciderHandle,
    batch: FlagHandle<i64>,
    banner: FlagHandle<String>,
    button: ExperimentHandle,
}

impl Shop {
    fn open(bus: &ConfigBus) -> Result<Self, Box<dyn Error>> {
        let place = OverlayPlace::role("web").service("shop");
        let flags = bus.flags(&FlagPlaces::of(bus)?)?;
        let experiments = bus.experiments("experiments/**")?;
        // A real shop puts exposures into a queue of its analytics.
        experiments.on_exposure(|exposure| {
            println!("exposure: {} {} {:?}", exposure.experiment, exposure.variant.name, exposure.unit);
        });
        Ok(Self {
            new_db: bus.decider("web/decider.yml", &place)?.handle("new_db"),
            batch: flags.handle("checkout/cart.batch", 10),
            banner: flags.handle("checkout/cart.banner", String::new()),
            button: experiments.handle("checkout/button"),
        })
    }

    fn cart(&self, user: &str, country: &str) -> Value {
        let attributes = [("targetingKey", user.into()), ("country", country.into())];
        let context = Context::of(&attributes);
        // Nobody has set the key: the old database has all there is.
        let is_new = self.new_db.is_available_for(Recipient::user(user)).unwrap_or(false);
        let database = if is_new { new_database() } else { old_database() };
        let button = self.button.assign(&context);
        let button = button.as_ref().map_or("control", |assigned| assigned.name_or("control"));
        let (batch, banner) = (self.batch.get(&context), self.banner.get(&context));
        json!({ "database": database, "batch": batch, "banner": banner, "button": button })
    }
}

fn old_database() -> &'static str {
    "old"
}

fn new_database() -> &'static str {
    "new"
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let root = arguments.next().unwrap_or_else(|| "/var/lib/configbus".to_owned());
    let listener = TcpListener::bind(arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned()))?;
    let bus = ConfigBus::open(root)?;
    let shop = Shop::open(&bus)?;
    println!("listening on http://{}", listener.local_addr()?);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                for stream in listener.incoming().flatten() {
                    if let Err(error) = answer(&shop, &stream) {
                        eprintln!("a client went away: {error}");
                    }
                }
            });
        }
    });
    Ok(())
}

/// Answers one request and closes the connection.
fn answer(shop: &Shop, mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(io::Read::take(stream, LINE_BYTES_MAX));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    // The rest of the request is taken, and not looked at.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let target = line.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match target.split_once('?').unwrap_or((target, "")) {
        ("/cart", query) => ("200 OK", shop.cart(parameter(query, "user"), parameter(query, "country"))),
        _ => ("404 Not Found", json!({ "error": "there is only /cart" })),
    };
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Returns a parameter of a query. Ids and countries need no decoding.
fn parameter<'q>(query: &'q str, name: &str) -> &'q str {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
