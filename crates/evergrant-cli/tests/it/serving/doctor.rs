//! `evergrant doctor --server`, where TLS lies between.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::{
    estate::{Estate, Server},
    reload::certificate,
};
use crate::world::Outcome;

fn look(estate: &Estate, server: &Server, scheme: &str, options: &str) -> Outcome {
    let url = format!("{scheme}://{}", server.address);
    let line = format!("doctor --server {url} {options}");
    estate.flow.world.run(&line)
}

#[test]
fn it_trusts_the_authority_that_is_named_and_says_how_to_name_one() {
    let estate = Estate::new("[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    certificate(&estate, "authority.pem");
    let server = estate.start();
    let authority = estate.flow.world.path("authority.pem");
    let trusting = look(
        &estate,
        &server,
        "https",
        &format!("--ca-file {}", authority.display()),
    );
    assert_eq!(trusting.exit_code, 0, "{trusting:?}");
    let untrusting = look(&estate, &server, "https", "");
    assert_eq!(untrusting.exit_code, 3, "{untrusting:?}");
    assert!(untrusting.stderr.contains("next: name the authority"));
    let in_the_clear = look(&estate, &server, "http", "");
    assert_eq!(in_the_clear.exit_code, 7, "{in_the_clear:?}");
    assert!(
        in_the_clear
            .stderr
            .contains("begin the URL with https:// if")
    );
}

#[test]
fn it_says_that_an_authority_is_no_server() {
    let estate = Estate::new("[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap().pem();
    let file = estate.flow.world.file("cert.pem", &own);
    estate.flow.world.file("key.pem", &key.serialize_pem());
    let server = estate.start();
    let options = format!("--ca-file {}", file.display());
    let seen = look(&estate, &server, "https", &options);
    assert_eq!(seen.exit_code, 3, "{seen:?}");
    assert!(seen.stdout.contains("it is an authority's own"), "{seen:?}");
    assert!(seen.stderr.contains("next: give the server a certificate"));
}

#[test]
fn it_sees_that_a_server_speaks_no_tls() {
    let estate = Estate::new("");
    let server = estate.start();
    let seen = look(&estate, &server, "https", "");
    assert_eq!(seen.exit_code, 3, "{seen:?}");
    assert!(seen.stderr.contains("begin the URL with http://"));
}
