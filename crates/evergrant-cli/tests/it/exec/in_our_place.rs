//! A program that takes the place of ours: nothing of us is left but the token.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use super::{WAYS, after, by, connected, printed, start};

#[test]
fn it_is_the_same_process() {
    let flow = connected(3600);
    let child = start(&mut flow.exec("", "echo $$"));
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{pid}\n")
    );
}

#[test]
fn a_signal_that_ends_it_is_seen_as_one() {
    let flow = connected(3600);
    let output = flow.exec("", "kill -s TERM $$").output().unwrap();
    assert_eq!(output.status.signal(), Some(15));
}

#[test]
fn no_file_of_ours_is_open() {
    let flow = connected(3600);
    let show = ["ls", "/proc/self/fd"];
    // Whoever started the tests may have left some open.
    let usual = printed(Command::new(show[0]).arg(show[1]).stdin(Stdio::null()));
    for way in WAYS {
        let seen = printed(&mut flow.exec_of(way, &show));
        assert_eq!(seen, usual, "{way}");
    }
}

#[test]
fn signals_are_as_a_program_expects_them() {
    let flow = connected(3600);
    for way in WAYS {
        let status = printed(&mut flow.exec_of(way, &["cat", "/proc/self/status"]));
        for line in ["SigBlk:", "SigIgn:", "SigCgt:"] {
            let digits = status.lines().find_map(|found| found.strip_prefix(line));
            let digits = u64::from_str_radix(digits.unwrap().trim(), 16).unwrap();
            // The first 31 are the ones that have names.
            assert_eq!(digits & 0x7fff_ffff, 0, "{way} {line}: {digits:x}");
        }
    }
}

#[test]
fn what_was_ignored_stays_ignored() {
    let flow = connected(3600);
    for way in WAYS {
        let script = "kill -s HUP $PPID $$; kill -s INT $PPID $$; echo lives";
        let nohup = after("trap '' HUP INT", &flow.exec(way, script));
        // A program in our place has another parent, which is this shell and not the tests.
        let mut shell = by(&["sh", "-c", "trap '' HUP INT; \"$@\"; true", "sh"], &nohup);
        assert_eq!(printed(&mut shell), "lives\n", "{way}");
    }
}

#[test]
fn the_vault_is_closed_before() {
    let flow = connected(3600);
    let files = printed(&mut flow.exec_of("", &["ls"]));
    let vault: Vec<&str> = files
        .lines()
        .filter(|name| name.starts_with("vault"))
        .collect();
    assert_eq!(vault, ["vault.db"], "no log is left beside it");
}

#[test]
fn the_limit_of_core_dumps_is_what_it_was() {
    let flow = connected(3600);
    let show = "ulimit -S -c; ulimit -H -c";
    for way in WAYS {
        for limit in ["-S -c 0", "-S -c 8 2>&-", "-c 16 2>&-"] {
            let line = format!("ulimit {limit}; {show}");
            let seen = printed(&mut after(&line, &flow.exec(way, show)));
            let lines: Vec<&str> = seen.lines().collect();
            assert_eq!(lines[..2], lines[2..], "{way} {limit}");
        }
    }
}

#[test]
fn it_may_be_dumped_as_if_we_had_not_been() {
    let flow = connected(3600);
    let allowed = "ulimit -S -c \"$(ulimit -H -c)\"";
    let script = "kill -s ABRT $$";
    let mut dies = Command::new("sh");
    dies.args(["-c", script]).current_dir(flow.world.path(""));
    let usual = after(allowed, &dies).status().unwrap();
    let ours = after(allowed, &flow.exec("", script)).status().unwrap();
    assert_eq!(ours.core_dumped(), usual.core_dumped());
    assert_eq!(ours.signal(), Some(6));
    // The shell says how its child ended.
    let beside = flow.exec("--token-file token", "sh -c 'kill -s ABRT $$'; true");
    let said = after(allowed, &beside).output().unwrap().stderr;
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.contains("core dumped"), usual.core_dumped(), "{said}");
}

#[test]
fn beside_it_we_are_still_not_dumped() {
    let flow = connected(3600);
    // While the program starts, the limit is its own and a mark stands for it, which cannot be seen.
    let look = "for i in $(seq 100); do sleep 0.02; \
                grep -q 'core file size  *0 ' /proc/$PPID/limits && echo none && exit; done";
    let command = flow.exec("--token-file token", look);
    let seen = printed(&mut after("ulimit -S -c 8 2>&-", &command));
    assert_eq!(seen, "none\n");
}
