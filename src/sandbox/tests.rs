use super::data::Dataset;
use super::*;
use url::Url;

pub(super) async fn region() -> Region {
    start(Options::default()).await.unwrap()
}

pub(super) async fn send(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(super) async fn get(url: &str, token: &str) -> (u16, String) {
    send(client().get(url).bearer_auth(token)).await
}

pub(super) async fn post(url: &str, form: &str) -> (u16, String) {
    let form_type = "application/x-www-form-urlencoded";
    send(client().post(url).header("content-type", form_type).body(form.to_owned())).await
}

#[actix_web::test]
async fn a_region_folder_is_served_as_well_as_the_built_in_one_with_as_many_providers_as_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::builtin();
    dataset.providers.truncate(2);
    dataset.patients.truncate(1);
    dataset.patients[0].held_by = vec!["saltmarsh".to_owned()];
    dataset.write_to(folder.path()).unwrap();

    let region = start(Options { data: Some(folder.path().to_owned()), host: None }).await.unwrap();
    assert_eq!(region.providers.iter().map(|one| one.idiom).collect::<Vec<_>>(), ["resolve-first", "chained"]);
    // only those whose organisation is there may be asked for
    assert!(region.personas.contains(&"gp-blackwater".to_owned()));
    assert!(!region.personas.contains(&"consultant-estuary".to_owned()));
    let saltmarsh = &region.providers[0];
    let (status, body) = get(&format!("{}/Patient/1", saltmarsh.url), token_of(saltmarsh)).await;
    assert_eq!(
        (status, body),
        (200, dataset.provider("saltmarsh").unwrap().find("Patient", "1").unwrap().json.to_string())
    );
    region.stop().await;
}

#[actix_web::test]
async fn a_stopped_region_leaves_no_port_open() {
    let region = region().await;
    let mut urls: Vec<String> = region.providers.iter().map(|provider| provider.url.clone()).collect();
    urls.push(region.identity.clone());
    let ports: std::collections::BTreeSet<_> =
        urls.iter().map(|url| Url::parse(url).unwrap().port().unwrap()).collect();
    assert_eq!(ports.len(), 10, "each server has a port of its own");
    region.stop().await;
    for url in urls {
        assert!(client().get(&url).send().await.is_err(), "{url}");
    }
}

#[actix_web::test]
async fn a_folder_that_is_not_there_is_an_error_and_starts_nothing() {
    let error = start(Options { data: Some("/nowhere/at/all".into()), host: None }).await.err().unwrap();
    assert!(matches!(&error, SandboxError::Data(fault) if fault.file.ends_with("region.json")), "{error}");
}

/// Runs only where the shared region folder lies beside the repository.
#[test]
fn the_shared_region_folder_loads_where_it_is_at_hand() {
    let folder = std::path::Path::new("../shared/data/region");
    if !folder.exists() {
        println!("skipped: there is no ../shared/data/region here");
        return;
    }
    let dataset = Dataset::load(folder).unwrap();
    assert_eq!((dataset.providers.len(), dataset.patients.len()), (9, 20));
    let all = dataset.providers.iter().flat_map(|provider| provider.resources.values()).flatten();
    assert_eq!(all.count(), 3645);
}

pub fn token_of(provider: &Provider) -> &str {
    let Credential::Bearer(token) = &provider.credential else { panic!("{} wants something else", provider.slug) };
    token
}
