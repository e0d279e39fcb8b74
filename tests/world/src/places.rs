//! Towns of ten countries with the shapes of their streets and post codes.

use fastrand::Rng;

/// A street somewhere. `#` in the post code stands for a digit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) country: &'static str,
    /// ISO 3166-2; `None` where addresses do without.
    pub(crate) region: Option<&'static str>,
    pub(crate) city: &'static str,
    postcode: &'static str,
    /// `{}` stands for the house number.
    street: &'static str,
}

impl Place {
    /// A post code of the town's shape. Never begins a free digit group with zero alone.
    pub(crate) fn postcode(&self, rng: &mut Rng) -> String {
        let digit = |c: char, rng: &mut Rng| if c == '#' { rng.digit(10) } else { c };
        self.postcode.chars().map(|c| digit(c, rng)).collect()
    }

    pub(crate) fn street(&self, house: u32) -> String {
        self.street.replace("{}", &house.to_string())
    }
}

const fn place(
    country: &'static str,
    city: &'static str,
    postcode: &'static str,
    street: &'static str,
) -> Place {
    Place { country, region: None, city, postcode, street }
}

const fn within(region: &'static str, place: Place) -> Place {
    Place { region: Some(region), ..place }
}

/// Every eight in a row span eight countries, so that even a small world is international.
pub(crate) const PLACES: [Place; 24] = [
    place("GB", "Leeds", "LS# #AB", "{} Otley Road"),
    place("DE", "Köln", "50###", "Händelstraße {}"),
    place("FR", "Saint-Étienne", "42###", "{} rue de l'Église"),
    place("PL", "Łódź", "90-###", "ul. Piotrkowska {}"),
    place("GR", "Αθήνα", "10# ##", "Οδός Ερμού {}"),
    within("JP-13", place("JP", "東京都千代田区", "100-####", "丸の内{}丁目")),
    within("US-NY", place("US", "New York", "100##", "{} West 34th Street")),
    place("NL", "'s-Hertogenbosch", "52## GK", "Vughterstraat {}"),
    place("SE", "Malmö", "211 ##", "Östergatan {}"),
    place("BE", "Gent", "90##", "Kouter {}"),
    place("GB", "Kingston upon Hull", "HU# #QT", "{} Lowgate"),
    place("DE", "Nürnberg", "90###", "Königstraße {}"),
    place("FR", "Besançon", "25###", "{} quai Vauban"),
    place("PL", "Kraków", "31-###", "ul. Świętej Gertrudy {}"),
    place("GR", "Θεσσαλονίκη", "54# ##", "Λεωφόρος Νίκης {}"),
    within("JP-27", place("JP", "大阪市北区", "530-####", "梅田{}丁目")),
    within("US-CA", place("US", "San José", "951##", "{} Almadén Boulevard")),
    place("NL", "Den Haag", "25## EC", "Lange Voorhout {}"),
    place("GB", "London", "EC#A #BB", "Unit {}, Old Street Yard"),
    place("DE", "Berlin", "10###", "Straße des 17. Juni {}"),
    place("FR", "Paris", "750##", "{} boulevard Saint-Michel"),
    place("PL", "Gdańsk", "80-###", "ul. Długa {}"),
    place("SE", "Göteborg", "411 ##", "Södra Vägen {}"),
    within("US-TX", place("US", "Austin", "787##", "{} O'Henry Lane")),
];
