//! What the program says, word for word.

#[test]
fn the_golden_files_hold() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("NO_COLOR", "1");
}
