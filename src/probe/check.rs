//! What is checked: each check's name, its group, whether it must pass, how what it finds is mended, and where a
//! specification says so. docs/PROBE.md is this table for people; a test holds the two together.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    Reachable,
    Statement,
    SignIn,
    Patients,
    Types,
    Paging,
    Filters,
    Errors,
    Speed,
    /// Judged over every answer that it gave.
    Conduct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Without it no record of this provider's can be relied on, or shown at all.
    Must,
    Should,
}

/// What is the same of a check whenever it is made.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub id: &'static str,
    pub group: Group,
    pub level: Level,
    pub title: &'static str,
    pub mend: &'static str,
    pub see: &'static str,
}

impl Group {
    pub const ALL: [Self; 10] = [
        Self::Reachable,
        Self::Statement,
        Self::SignIn,
        Self::Patients,
        Self::Types,
        Self::Paging,
        Self::Filters,
        Self::Errors,
        Self::Speed,
        Self::Conduct,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Reachable => "Reachable",
            Self::Statement => "What it says of itself",
            Self::SignIn => "Sign-in",
            Self::Patients => "Finding a patient",
            Self::Types => "Each type of resource",
            Self::Paging => "Pages",
            Self::Filters => "Filters it declares",
            Self::Errors => "When a request is wrong",
            Self::Speed => "Speed",
            Self::Conduct => "Over all of its answers",
        }
    }
}

macro_rules! checks {
    ($($name:ident, $id:literal, $group:ident, $level:ident, $title:literal, $mend:literal, $see:expr;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Check { $($name),+ }

        impl Check {
            /// In the order in which they are reported.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn definition(self) -> Definition {
                match self {
                    $(Self::$name => Definition {
                        id: $id, group: Group::$group, level: Level::$level, title: $title, mend: $mend, see: $see,
                    },)+
                }
            }
        }
    };
}

const HTTP: &str = "https://hl7.org/fhir/R4/http.html";
const SEARCH: &str = "https://hl7.org/fhir/R4/search.html";
const SEARCHSET: &str = "https://hl7.org/fhir/R4/bundle.html#searchset";
const STATEMENT: &str = "https://hl7.org/fhir/R4/capabilitystatement.html";
const CAPABILITIES: &str = "https://hl7.org/fhir/R4/http.html#capabilities";
const TOKEN: &str = "https://hl7.org/fhir/R4/search.html#token";
const PAGING: &str = "https://hl7.org/fhir/R4/http.html#paging";
const COUNT: &str = "https://hl7.org/fhir/R4/search.html#count";
const STATUS: &str = "https://hl7.org/fhir/R4/http.html#Status-Codes";
const REFERENCE: &str = "https://hl7.org/fhir/R4/references.html#literal";
const CONTAINED: &str = "https://hl7.org/fhir/R4/references.html#contained";
const ATTACHMENT: &str = "https://hl7.org/fhir/R4/datatypes.html#Attachment";
const MIME: &str = "https://hl7.org/fhir/R4/http.html#mime-type";
const JSON: &str = "https://www.rfc-editor.org/rfc/rfc8259";
const MCSD: &str = "https://profiles.ihe.net/ITI/mCSD/volume-1.html";
const SECURITY: &str = "https://hl7.org/fhir/R4/security.html#http";
const BACKEND: &str = "https://hl7.org/fhir/smart-app-launch/backend-services.html";
const ENCODING: &str = "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3";
const LENGTHS: &str = "https://www.rfc-editor.org/rfc/rfc9112#section-8";
const OURS: &str = "https://caregate.example/docs/PROBE";

checks! {
    Dns, "dns", Reachable, Must, "Its name leads to a public address",
        "Register a name in public DNS; an address inside a private network has to be allowed by the operator.", MCSD;
    Connect, "connect", Reachable, Must, "It accepts connections and answers HTTP",
        "Open the port to the gateway, and have the server listen there.", MCSD;
    Tls, "tls", Reachable, Must, "It is reached by TLS, best 1.3",
        "Serve by https with TLS 1.3, or 1.2 at least.", SECURITY;
    Certificate, "certificate", Reachable, Must, "Its certificate is in date, for its name, and of a trusted authority",
        "Install a certificate for this very name with its whole chain; or have the operator configure your own authority.", SECURITY;
    CertificateDays, "certificate-days", Reachable, Should, "Its certificate does not expire soon",
        "Renew it, best by a programme.", SECURITY;

    StatementRead, "statement", Statement, Must, "Its metadata is a CapabilityStatement",
        "Answer GET [base]/metadata with 200 and a CapabilityStatement as JSON.", CAPABILITIES;
    StatementR4, "statement-r4", Statement, Must, "It says that it speaks FHIR R4",
        "fhirVersion is 4.0.1; of several versions, register the base URL of R4.", STATEMENT;
    StatementJson, "statement-json", Statement, Should, "It says that it speaks JSON",
        "List application/fhir+json or json among CapabilityStatement.format.", STATEMENT;
    StatementTypes, "statement-types", Statement, Should, "It claims Patient and each type that it is registered for",
        "Give each type an entry in rest.resource with the interaction search-type, or register fewer types.", STATEMENT;

    CredentialAccepted, "credential-accepted", SignIn, Must, "It accepts the gateway's credential",
        "Issue the gateway a credential that may search these types, and configure it here.", BACKEND;
    CredentialRequired, "credential-required", SignIn, Should, "It refuses whoever has no credential",
        "Answer 401 to requests for a patient's data that bear no credential.", SECURITY;

    PatientLookup, "patient-lookup", Patients, Must, "By NHS number it finds exactly that person",
        "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|NUMBER finds the Patients whose identifier that is, and no other.", TOKEN;
    PatientUnknown, "patient-unknown", Patients, Must, "For a number nobody has it answers an empty searchset",
        "Nothing found is 200 with a searchset without entries, never an error.", SEARCHSET;
    PatientsApart, "patients-apart", Patients, Must, "Two persons are two Patients",
        "Give each person a Patient, and ids, of their own.", REFERENCE;

    TypeSearch, "type-search", Types, Must, "It answers the search that the gateway makes with a searchset",
        "Support the search of this type by patient=[id], or by patient.identifier=SYSTEM|NUMBER where registered so; or take the type out of what is registered.", SEARCH;
    TypeEntries, "type-entries", Types, Must, "Each entry is of the type asked for and says whose it is",
        "Return matches of the type only, each with an id and with the element that refers to its Patient.", SEARCHSET;
    EntriesSeen, "entries-seen", Types, Must, "There are entries to judge it by",
        "Give the test patients some made-up data of the types that the endpoint serves.", OURS;

    PageCount, "page-count", Paging, Should, "A page has no more entries than _count asks for",
        "Return at most _count matches on a page.", COUNT;
    PageWhole, "page-whole", Paging, Must, "Page by page comes what comes at once: nothing lost, nothing twice",
        "Order a search's results by something unique before they are cut into pages, and link each page to the next.", PAGING;
    PageTotal, "page-total", Paging, Must, "Where a total says that there is more, a link leads to it",
        "Give every page but the last a next link; total is the number of matches, or left out.", SEARCHSET;

    FilterKeeps, "filter-keeps", Filters, Must, "A search by a declared filter loses no match",
        "Have the parameter find all that R4 says it finds, or take it out of the CapabilityStatement.", SEARCH;
    FilterNarrows, "filter-narrows", Filters, Should, "A search by a declared filter leaves out what does not match",
        "Apply the parameter, or take it out of the CapabilityStatement.", SEARCH;

    UnknownId, "unknown-id", Errors, Must, "An unknown id is 404",
        "Answer the read of an id that is not there with 404 and an OperationOutcome.", "https://hl7.org/fhir/R4/http.html#read";
    UnknownType, "unknown-type", Errors, Must, "An unknown type is refused",
        "Answer a type that is not served with 404 and an OperationOutcome.", STATUS;
    MalformedQuery, "malformed-query", Errors, Should, "A value that cannot be read is refused",
        "Answer a parameter whose value cannot be read with 400 and an OperationOutcome: never 5xx, and never with everything.",
        "https://hl7.org/fhir/R4/search.html#errors";
    ErrorOutcome, "error-outcome", Errors, Should, "An error is told as an OperationOutcome",
        "Put an OperationOutcome as application/fhir+json into every error's body; proxies in front of the server too.", STATUS;

    InTime, "answers-in-time", Speed, Must, "Every answer is there within the deadline",
        "Find out what makes these searches slow (an index by patient is the usual lack).", OURS;
    Speed, "speed", Speed, Should, "Half of its answers take no more than a third of the deadline",
        "Whoever waits for this source waits for it with every record: index by patient.", OURS;

    AnotherPatient, "another-patient", Conduct, Must, "No answer holds another person's data",
        "Find out why the search for one patient finds another's. The gateway would drop the answer, quarantine the source for this patient, and suspend it soon.", SEARCH;
    MixedUp, "answers-mixed-up", Conduct, Must, "Two patients asked for in turns are not mixed up",
        "A cache in front of the server that does not tell requests apart is the usual cause: none may keep these answers.",
        "https://www.rfc-editor.org/rfc/rfc9111#section-2";
    ReplicasAgree, "replicas-agree", Conduct, Must, "Each replica finds what the address itself does",
        "Have every replica serve the same data, under the same ids; or register it without those that do not.", MCSD;
    ContainedPatient, "contained-patient", Conduct, Must, "What an entry contains is nobody else's",
        "Contain only what belongs to the resource around it.", CONTAINED;
    ConflictingIds, "conflicting-ids", Conduct, Must, "One id is one resource",
        "An id names one resource of its type; two versions of it are not both matches.", "https://hl7.org/fhir/R4/resource.html#id";
    SearchFailed, "search-failed", Conduct, Must, "No answer says that it is not all there is",
        "An outcome of severity error or fatal, or with a code such as incomplete, among the entries says that the search failed: then say so by status.", SEARCHSET;
    NextForeign, "next-foreign", Conduct, Must, "Next links lead to its own address",
        "Build links from the public base URL: behind a proxy the server has to be told it.", PAGING;
    NextLoop, "next-loop", Conduct, Must, "Pages come to an end",
        "No page links to itself or to one before it, and the last links to none.", PAGING;
    Redirect, "redirect", Conduct, Must, "No answer sends the gateway elsewhere",
        "Answer at the address that is registered, or register the other one: redirects are not followed, and a credential goes to no other place.", HTTP;
    BodySize, "body-size", Conduct, Must, "No answer is larger than is accepted",
        "Keep to _count, and leave files out of resources: by Attachment.url.", COUNT;
    BodyDepth, "body-depth", Conduct, Must, "No answer is nested deeper than is accepted",
        "Nothing that FHIR has is nested this deep.", JSON;
    BodyValues, "body-values", Conduct, Must, "No answer has more values than are accepted",
        "Keep to _count.", COUNT;
    DuplicateKeys, "duplicate-keys", Conduct, Must, "No object has a member twice",
        "Write each member once: readers differ on which of two they take.", "https://www.rfc-editor.org/rfc/rfc8259#section-4";
    TrailingData, "trailing-data", Conduct, Must, "Nothing follows the resource",
        "Send one JSON text and nothing after it.", JSON;
    BadText, "bad-text", Conduct, Must, "It is UTF-8, without NUL, byte order mark or half surrogates",
        "Encode as UTF-8; clean what was imported with another encoding.", "https://www.rfc-editor.org/rfc/rfc8259#section-8";
    NotJson, "not-json", Conduct, Must, "Its bodies are JSON",
        "Send whole, valid JSON.", JSON;
    ContentType, "content-type", Conduct, Must, "It declares FHIR R4 JSON, not a page or XML",
        "Answer Accept: application/fhir+json with that Content-Type; a sign-in page with 200 is no answer.", MIME;
    ContentEncoding, "content-encoding", Conduct, Must, "It is not compressed unasked",
        "Accept-Encoding: identity was sent: compress nothing.", ENCODING;
    CutOff, "cut-off", Conduct, Must, "No connection ends before its answer does",
        "Send what Content-Length or the last chunk promises; look for a proxy that gives up earlier.", LENGTHS;
    AttachmentElsewhere, "attachment-elsewhere", Conduct, Should, "Attachments are at its own address",
        "Documents are opened below the registered base URL only: others cannot be shown.", ATTACHMENT;
}

impl Check {
    pub fn id(self) -> &'static str {
        self.definition().id
    }
}
