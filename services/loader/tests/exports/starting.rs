//! What is told before the first document is.

use ferry_config::{
    Secret,
    export::{ExportSftp, ExportWay, SftpLogin},
};
use ferry_loader::Target;

use crate::bench::{ACCOUNTS, Bench};

/// Only the loader needs it: whoever reads, receives or transforms builds the same systems.
#[tokio::test]
async fn a_key_that_cannot_be_read_is_told_before_anything_is_written_and_to_nobody_else() {
    let mut bench = Bench::new();
    let told = |bench: &Bench| {
        Target::new(ACCOUNTS, bench.system(), &bench.config.limits, Vec::new())
            .equipped()
            .map_err(|error| error.to_string())
    };
    assert_eq!(told(&bench), Ok(()));
    bench.config.way = ExportWay::Sftp(ExportSftp {
        host: "partner.test".to_owned(),
        port: 22,
        user: "acme".to_owned(),
        login: SftpLogin::Key(Secret::new("hush")),
        host_keys: vec!["SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ".to_owned()],
        folder: String::new(),
    });
    let refused = told(&bench).unwrap_err();
    assert!(refused.starts_with("system accounts: sftp: the key is no private key"), "{refused}");
    assert!(!refused.contains("hush"), "{refused}");
}
