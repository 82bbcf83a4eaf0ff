use crate::{domain::NhsNumber, sandbox::data::Flag};

/// A made-up patient. Names are invented; numbers are of the 999 range, which is never issued.
pub struct Person {
    pub number: NhsNumber,
    pub given: &'static str,
    pub family: &'static str,
    pub gender: &'static str,
    pub born: &'static str,
    /// ODS code of the practice of registration.
    pub practice: &'static str,
    pub held_by: &'static [&'static str],
}

type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

/// Few are known everywhere; the twelfth is, at places none of which need ever have met her for care. From the fifteenth on the
/// patient index has something to say of them; one of these is there twice, under two numbers.
#[rustfmt::skip]
const ROWS: [Row; 20] = [
    ("Wilfred", "Ashcombe", "male", "1948-02-29", "F99001", &["saltmarsh", "estuary", "quietwater", "hedgerow", "quayside"]),
    ("Imelda", "Thornhythe", "female", "1991-07-14", "F99001", &["saltmarsh", "colneside", "quayside"]),
    ("Osric", "Pennyfeather", "male", "1975-11-30", "F99002", &["blackwater", "estuary", "quayside"]),
    ("Tansy", "Marlpit", "female", "2018-03-05", "F99001", &["saltmarsh", "hedgerow"]),
    ("Jago", "Saltersgate", "male", "2009-09-21", "F99002", &["blackwater", "colneside", "hedgerow"]),
    ("Beatrix", "Oakapple", "female", "1932-12-01", "F99001", &["saltmarsh", "estuary", "colneside", "eastline", "quayside"]),
    ("Corin", "Wakeford", "other", "1984-05-17", "F99002", &["blackwater", "quietwater", "quayside"]),
    ("Adaeze", "Fernleigh", "female", "1969-08-08", "F99001", &["saltmarsh", "colneside"]),
    ("Rafferty", "Quillon", "male", "1957-01-25", "F99002", &["blackwater", "estuary", "eastline"]),
    ("Marisol", "Dunlin", "female", "2001-06-30", "F99001", &["saltmarsh"]),
    ("Emrys", "Coldharbour", "male", "1940-10-10", "F99002", &["blackwater", "estuary", "colneside", "hedgerow", "quayside"]),
    ("Saoirse", "Larkrise", "female", "1996-02-02", "F99001",
        &["saltmarsh", "blackwater", "estuary", "colneside", "quietwater", "eastline", "hedgerow", "quayside"]),
    ("Ivo", "Greensand", "male", "1988-04-19", "F99002", &["blackwater"]),
    ("Ottoline", "Breckland", "unknown", "1979-12-25", "F99001", &["saltmarsh", "estuary", "quayside"]),
    ("Perdita", "Hollowell", "female", "1987-03-11", "F99002", &["blackwater", "estuary", "quayside"]),
    ("Lorcan", "Withycombe", "male", "1993-10-02", "F99002", &["blackwater", "estuary"]),
    ("Hesper", "Quarrendon", "female", "1951-05-23", "F99002", &["blackwater", "estuary"]),
    ("Alaric", "Tollemache", "male", "1962-12-12", "F99002", &["blackwater"]),
    ("Alaric", "Tollemache", "male", "1962-12-12", "F99002", &["blackwater", "estuary"]),
    ("Ffion", "Sedgemoor", "female", "2003-08-27", "F99002", &["blackwater", "estuary"]),
];

/// What is unusual about a person in the patient index.
pub struct Oddity {
    pub deceased: Option<&'static str>,
    pub verification: &'static str,
    pub flag: Flag,
}

pub fn oddity(family: &str) -> Oddity {
    let usual = Oddity { deceased: None, verification: "01", flag: Flag::U };
    match family {
        "Hollowell" => Oddity { flag: Flag::R, ..usual },
        "Withycombe" => Oddity { flag: Flag::S, ..usual },
        "Quarrendon" => Oddity { deceased: Some("2026-02-14"), ..usual },
        "Sedgemoor" => Oddity { verification: "02", ..usual },
        _ => usual,
    }
}

pub fn people() -> Vec<Person> {
    let person = |(number, (given, family, gender, born, practice, held_by))| Person {
        number,
        given,
        family,
        gender,
        born,
        practice,
        held_by,
    };
    test_numbers().zip(ROWS).map(person).collect()
}

/// NHS numbers from the test range: each of nine digits with the check digit that fits, where one does.
fn test_numbers() -> impl Iterator<Item = NhsNumber> {
    (999_001_200_u64..).filter_map(|nine| (0..10).find_map(|check| NhsNumber::from_value(nine * 10 + check).ok()))
}
