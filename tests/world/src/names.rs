//! Names of people, companies and things.

/// First and last names that belong together, by country.
pub(crate) const PEOPLE: [(&str, &[&str], &[&str]); 10] = [
    ("GB", &["Olivia", "Noah", "Siân", "Alistair"], &["O'Brien", "Smith-Jones", "Khan", "Ng"]),
    (
        "DE",
        &["Jürgen", "Anneliese", "Björn", "Käthe"],
        &["Müller", "Groß", "von der Heide", "Yılmaz"],
    ),
    ("FR", &["Zoé", "François", "Maëlle", "Loïc"], &["Lefèvre", "d'Aubigné", "Gonçalves", "Noël"]),
    (
        "PL",
        &["Łukasz", "Małgorzata", "Żaneta", "Paweł"],
        &["Wiśniewska", "Żółć", "Dąbrowski", "Święcicki"],
    ),
    (
        "GR",
        &["Γιώργος", "Ελένη", "Νίκος", "Κατερίνα"],
        &["Παπαδόπουλος", "Νικολάου", "Δημητρίου", "Αγγελής"],
    ),
    ("JP", &["太郎", "花子", "健一", "さくら"], &["山田", "佐藤", "髙橋", "渡邊"]),
    (
        "US",
        &["Jayden", "Mary Ann", "DeShawn", "Zoë"],
        &["Nguyen", "McAllister", "de la Cruz", "Null"],
    ),
    (
        "NL",
        &["Daan", "Fleur", "Jórdan", "Sanne"],
        &["van den Berg", "de Vries", "IJzerman", "'t Hart"],
    ),
    (
        "SE",
        &["Åsa", "Göran", "Märta", "Öjvind"],
        &["Sjöström", "Åkesson", "Lindqvist", "Hård af Segerstad"],
    ),
    (
        "BE",
        &["Lieve", "Benoît", "Thijs", "Noémie"],
        &["Vandenbroucke", "De Smet", "D'Hondt", "Dewaele"],
    ),
];

/// Company names by country; `{}` is a family name.
pub(crate) const COMPANIES: [(&str, &[&str]); 10] = [
    ("GB", &["{} & Sons Ltd", "The {} Pottery Company", "{} Trading plc"]),
    ("DE", &["{} GmbH & Co. KG", "Gebrüder {} OHG", "{}s Küchenträume e. K."]),
    ("FR", &["Maison {} SARL", "{} Frères S.A.", "L'Atelier « {} »"]),
    ("PL", &["{} Sp. z o.o.", "Hurtownia {} S.A.", "PHU „{}”"]),
    ("GR", &["{} Α.Ε.", "Αφοί {} Ο.Ε.", "Κατάστημα {}"]),
    ("JP", &["株式会社{}", "{}商店", "有限会社{}陶器"]),
    ("US", &["{} Home Goods, Inc.", "{} & Daughters LLC", "{} \"The Mug\" Supply Co."]),
    ("NL", &["{} B.V.", "Koffiehuis {}", "{} Groothandel N.V."]),
    ("SE", &["{} AB", "Bröderna {} Handelsbolag", "{}s Kök & Café"]),
    ("BE", &["{} BVBA", "Huis {}", "{} & Fils SPRL"]),
];

/// What is sold: code for the SKU, name, unit (`item` unless weighed or packed).
pub(crate) const THINGS: [(&str, &str, &str); 16] = [
    ("MUG", "Stoneware mug", "item"),
    ("PLT", "Dinner plate \"Årstad\"", "item"),
    ("BWL", "Cereal bowl", "item"),
    ("TPT", "Teapot with infuser", "item"),
    ("COF", "Coffee beans, dark roast", "kg"),
    ("SPN", "Teaspoon set of six", "set"),
    ("JUG", "Crème-jug, hand-thrown", "item"),
    ("LMP", "Desk lamp, brass", "item"),
    ("TOW", "Linen tea towel", "piece"),
    ("NUT", "Roasted almonds, loose", "kg"),
    ("GLS", "Tumbler glass, 330 ml", "item"),
    ("VAS", "Vase in the style of Πάρος", "item"),
    ("CND", "Beeswax candle", "piece"),
    ("KNF", "Santoku knife 三徳", "item"),
    ("PAN", "Cast iron pan, Ø 28 cm", "item"),
    ("TEA", "Assam tea, loose leaf", "kg"),
];

/// Code for the SKU and name of a finish.
pub(crate) const FINISHES: [(&str, &str); 8] = [
    ("RED", "red"),
    ("BLU", "cobalt blue"),
    ("GRN", "grün/green"),
    ("WHT", "white, unglazed"),
    ("BLK", "black (matt)"),
    ("ORN", "burnt orange & umber"),
    ("NAT", "natural"),
    ("XL", "extra large, 50 % more"),
];

pub(crate) const BRANDS: [&str; 6] =
    ["Ferrybridge", "Høyer & Søn", "Łysa Góra", "Maison d'Été", "窯元", "O'Malley's"];

pub(crate) const GROUPS: [&str; 4] = ["trade", "retail", "hospitality", "export"];

pub(crate) const ROLES: [&str; 4] = ["purchasing", "accounts", "goods in", "owner"];

/// Carrier and its service.
pub(crate) const CARRIERS: [(&str, &str); 5] = [
    ("royalmail", "T48"),
    ("dpd", "NEXT-DAY"),
    ("dhl", "PARCEL-CONNECT"),
    ("ups", "STANDARD"),
    ("postnl", "AVG"),
];

/// Sentences for notes and descriptions; any may follow any.
pub(crate) const SENTENCES: [&str; 10] = [
    "Deliver to the rear entrance, ring twice.",
    "Made in small batches; no two are quite alike.",
    "\"Handle with care\", it says, and it means it.",
    "Spülmaschinenfest bis 65 °C.",
    "Ne pas laisser près d'une flamme; convient aux lave-vaisselle.",
    "Nie nadaje się do kuchenek mikrofalowych – źródło iskier.",
    "Πλένεται στο χέρι.",
    "電子レンジ不可。",
    "Weight may vary by ±5 %; that is how clay behaves.",
    "Key1=value is not a setting, and a \\ backslash is just a backslash.",
];
