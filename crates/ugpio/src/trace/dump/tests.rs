//! What is taken, what is not, and where that is; what is written comes back, to us and to another reader.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::trace::wave::Wave;

/// The lines of a dump as `path level@tick …`, a line each.
fn heard(dump: impl AsRef<[u8]>) -> Vec<String> {
    let wave = Wave::of_dump(dump.as_ref()).unwrap();
    let line = |(chip, line): (&crate::trace::wave::ChipWave, &crate::trace::wave::LineWave)| {
        let mut text = crate::trace::view::label(chip, line);
        for (at, bit) in &line.level.0 {
            let letter = match bit {
                Bit::Low => '0',
                Bit::High => '1',
                Bit::Unknown => 'x',
            };
            let _ = write!(text, " {letter}@{at}");
        }
        text
    };
    wave.lines().map(line).collect()
}

fn problem(dump: &[u8]) -> String {
    Wave::of_dump(dump).unwrap_err().to_string()
}

const HEAD: &str = "$timescale 1 us $end\n$scope module top $end\n$var wire 1 ! a $end\n\
    $var wire 1 \" b $end\n$upscope $end\n$enddefinitions $end\n";
const BODY: &str = "#0\n0!\n1\"\n#10\n1!\n#20\n0!\n0\"\n#30\n";
const HEARD: [&str; 2] = ["top.a 0@0 1@10 0@20", "top.b 1@0 0@20"];

#[test]
fn form_does_not_matter() {
    let dump = format!("{HEAD}{BODY}");
    assert_eq!(heard(&dump), HEARD);
    let one_line = dump.replace('\n', " ");
    assert_eq!(heard(&one_line), HEARD);
    let each = dump.split_whitespace().collect::<Vec<_>>().join("\r\n\t");
    assert_eq!(heard(&each), HEARD);
    assert_eq!(heard(format!("\u{feff}{dump}")), HEARD);
    let latin = [b"$date 3 f\xe9vrier 2026 $end\n", dump.as_bytes()].concat();
    assert_eq!(heard(latin), HEARD);
    let no_end = dump.trim_end();
    assert_eq!(heard(no_end), HEARD);
    let meta = format!("META samplerate: 1000\n{dump}");
    assert_eq!(heard(meta), HEARD);
}

#[test]
fn commands_need_not_match() {
    for (old, new) in [
        (
            "$enddefinitions",
            "$upscope $end $upscope $end $enddefinitions",
        ),
        ("$upscope $end\n", ""),
        (
            "$upscope",
            "$attrbegin misc 02 x 1 $end $attrend $end $vendor a b c $end $upscope",
        ),
        ("$enddefinitions", "$dumpvars x! x\" $end $enddefinitions"),
        (
            "$scope module top $end",
            "$scope module $end $scope made_up top $end",
        ),
        ("$var wire 1 ! a", "$var 1 ! a"),
        ("$var wire 1 ! a", "$var sv_logic 1 ! a"),
        (
            "$enddefinitions $end",
            "$comment $enddefinitions $endx $scope module x $ends $end",
        ),
        ("$enddefinitions $end", ""),
        (
            "$enddefinitions $end",
            "$enddefinitions $end $dumpall $end $dumpon $end $end",
        ),
    ] {
        let dump = format!("{HEAD}{BODY}").replacen(old, new, 1);
        assert_eq!(heard(&dump), HEARD, "{dump}");
    }
}

#[test]
fn values_are_of_nine_kinds() {
    let dump =
        format!("{HEAD}#0 l! h\" #1 L! H\" #2 u! U\" #3 1! 1\" #4 w! -\" #5 0! 0\" #6 z! ?\"");
    let wanted = [
        "top.a 0@0 x@2 1@3 x@4 0@5 x@6",
        "top.b 1@0 x@2 1@3 x@4 0@5 x@6",
    ];
    assert_eq!(heard(dump), wanted);
    // A vector of one bit, a longer one for it, an empty one, reals, and blanks within a change.
    let dump = format!("{HEAD}#0 b0 ! b01 \" #1 b1 ! b \" #2 r1.5 ! 0 \" #3 bU !");
    assert_eq!(heard(dump), ["top.a 0@0 1@1 x@3", "top.b 1@0 x@1 0@2"]);
    let ports = HEAD
        .replace("wire 1 !", "port 1 <0")
        .replace("wire 1 \"", "port 1 <1");
    let dump = format!("{ports}#0 pD 6 0 <0 pU 0 6 <1 #5 pU 0 6 <0 pX 6 6 <1");
    assert_eq!(heard(dump), ["top.a 0@0 1@5", "top.b 1@0 x@5"]);
}

#[test]
fn strings_swallow_nothing() {
    let head = "$var string 1 \" msg $end $var wire 1 # a $end $enddefinitions $end\n";
    for text in [
        "sHELLO \"",
        "s \"",
        "s\n\"",
        "shello big world \"",
        "sx nobody",
    ] {
        let dump = format!("{head}#0 0#\n{text}\n1#\n");
        assert_eq!(heard(&dump), ["a 1@0"], "{text}");
    }
    let ours = "$version ugpio 1 $end $scope module c $end $var wire 1 a x $end $scope module consumer $end \
        $var string 1 b x $end $upscope $end $upscope $end #0 0a smy prog b\n#1 s- b";
    let wave = Wave::of_dump(ours.as_bytes()).unwrap();
    let held = wave.chips[0].lines[0].consumer.0.clone();
    assert_eq!(held, [(0, "my prog".to_owned()), (1, "-".to_owned())]);
}

#[test]
fn units_are_kept_and_made_up_aloud() {
    let dump = format!("{HEAD}{BODY}");
    let fs = |dump: &str| Wave::of_dump(dump.as_bytes()).unwrap().unit.fs(1);
    assert_eq!(fs(&dump), 1_000_000_000);
    assert_eq!(fs(&dump.replace("1 us", "100fs")), 100);
    assert_eq!(fs(&dump.replace("1 us", "0ps")), 1_000);
    let none = Wave::of_dump(dump.replace("1 us", "").as_bytes()).unwrap();
    assert_eq!(none.unit, Unit::NS);
    assert_eq!(
        none.hints,
        ["there is no $timescale: a tick is taken for 1 ns"]
    );
    assert_eq!(
        problem(dump.replace("1 us", "1 week").as_bytes()),
        "1:1: `1 week` is no unit of time like 1ns or 10 us"
    );
    let two = format!("{dump}$timescale 1 ns $end");
    assert_eq!(
        problem(two.as_bytes()),
        "16:1: another $timescale, after times in the first"
    );
}

#[test]
fn signals_are_more_than_their_names() {
    let dump = "$var wire 1 ! clk $end $var wire 1 \" clk $end $var wire 1 ! clk $end \
        $var wire 1 ! clk [0] $end $scope module m $end $var wire 1 ! clk $end $upscope $end \
        $scope module m $end $var wire 1 ! clk $end $var wire 1 # other $end #0 0! 1\" #5 1!";
    let wanted = [
        "clk@! 0@0 1@5",
        "clk@\" 1@0",
        "clk[0] 0@0 1@5",
        "m.clk 0@0 1@5",
        "m.other",
    ];
    assert_eq!(heard(dump), wanted);
}

#[test]
fn problems_have_places() {
    let dump = format!("{HEAD}{BODY}");
    let with = |more: &str| problem(format!("{dump}{more}").as_bytes());
    assert_eq!(with("  q!"), "16:3: `q!` is no change of a value");
    assert_eq!(with("#8"), "16:1: time goes back from #30 to #8");
    let most = format!(
        "16:1: time #99999999999999999999 is too large: the most is #{}",
        u64::MAX
    );
    assert_eq!(with("#99999999999999999999"), most);
    assert_eq!(with("#-5"), "16:1: `#-5` is no time");
    assert_eq!(with("0 nobody"), "16:1: `0` is a value of no signal");
    assert_eq!(with("$comment x"), "16:1: `$comment` has no `$end`");
    assert_eq!(
        with("$var wire $end"),
        "16:1: `$var` needs a kind, a size, an identifier and a name"
    );
    let evil = with("\u{1b}[2Jx");
    assert_eq!(evil, "16:1: `\\u{1b}[2Jx` is no change of a value");
    assert_eq!(problem(b"hello"), "1:1: not a value change dump");
    assert_eq!(problem(b""), "it is empty");
    assert_eq!(problem(b"\n \n"), "it is empty");
    for (file, words) in [
        (&b"{\"at_ns\":5}"[..], "JSON"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "sigrok"),
        (b"GHDLwave\n", "GHW"),
        (b"\xff\xfe$\0", "UTF-16"),
    ] {
        assert!(problem(file).contains(words), "{words}");
    }
    let long = format!("{HEAD}$var wire 1 % {} $end", "n".repeat(3 << 20));
    assert!(problem(long.as_bytes()).ends_with("a declaration of more than 1048576 bytes"));
}

#[test]
fn what_ends_within_a_change_is_said() {
    for end in ["#", "b01", "0", "sabc", "pD 6"] {
        let dump = format!("{HEAD}{BODY}{end}");
        let wave = Wave::of_dump(dump.as_bytes()).unwrap();
        assert_eq!(wave.hints, ["it ends within a change, at 16:1"], "{end}");
    }
}

#[test]
fn long_names_and_values_are_taken() {
    let name = "n".repeat(65_536);
    let dump = format!(
        "{HEAD}$var wire 1 % {name} $end #0 0% b{}1 % #1",
        "0".repeat(4 << 20)
    );
    let heard = heard(dump);
    assert_eq!(heard[2], format!("{name} 1@0"));
    let deep = format!(
        "{}$var wire 1 ! a $end #0 1!",
        "$scope module s $end ".repeat(10_000)
    );
    assert_eq!(Wave::of_dump(deep.as_bytes()).unwrap().lines().count(), 1);
}

#[test]
fn many_signals_take_little_time() {
    let mut dump = String::new();
    for number in 0..100_000 {
        let _ = writeln!(dump, "$var wire 1 i{number} same $end");
    }
    let wave = Wave::of_dump(dump.as_bytes()).unwrap();
    assert_eq!(wave.lines().count(), 100_000);
}

/// Random signals with random changes.
fn recordings() -> impl Strategy<Value = Vec<(String, Vec<(u16, u8)>)>> {
    let changes = prop::collection::vec((0..500_u16, 0..3_u8), 0..20);
    prop::collection::vec(("[a-z]{1,3}", changes), 1..12)
}

/// Writes them with our writer; each in a scope of its own if `apart`.
fn written(signals: &[(String, Vec<(u16, u8)>)], unit: &str, apart: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    to.timescale(unit).unwrap();
    let mut changes = Vec::new();
    for (number, (name, steps)) in signals.iter().enumerate() {
        if apart {
            to.scope(&format!("s{number}")).unwrap();
        }
        to.wire(Id::of(number), name).unwrap();
        if apart {
            to.upscope().unwrap();
        }
        changes.extend(steps.iter().map(|(at, bit)| (*at, number, *bit)));
    }
    to.end_definitions().unwrap();
    changes.sort_by_key(|(at, ..)| *at);
    for (at, number, bit) in changes {
        to.time(at.into()).unwrap();
        let bit = [Bit::Low, Bit::High, Bit::Unknown][usize::from(bit)];
        to.bit(Id::of(number), bit).unwrap();
    }
    bytes
}

/// What such a signal should be read as.
fn wanted(changes: &[(u16, u8)]) -> Vec<(u64, Bit)> {
    let mut sorted = changes.to_vec();
    sorted.sort_by_key(|(at, _)| *at);
    let mut steps: Vec<(u64, Bit)> = Vec::new();
    for (index, (at, bit)) in sorted.iter().enumerate() {
        // Of several at one moment the last counts; what changes nothing is no change.
        if sorted.get(index + 1).is_some_and(|(next, _)| next == at) {
            continue;
        }
        let bit = [Bit::Low, Bit::High, Bit::Unknown][usize::from(*bit)];
        if steps.last().is_none_or(|(_, last)| *last != bit) {
            steps.push(((*at).into(), bit));
        }
    }
    steps
}

proptest! {
    #[test]
    fn what_is_written_is_read(signals in recordings(), apart: bool, unit in "(1|10|100) (fs|ps|ns|us|ms|s)") {
        let wave = Wave::of_dump(written(&signals, &unit, apart).as_slice()).unwrap();
        prop_assert_eq!(wave.unit, Unit::parse(&unit).unwrap());
        let read: Vec<_> = wave.lines().map(|(_, line)| (line.name.clone(), line.level.0.clone())).collect();
        let wanted: Vec<_> = signals.iter().map(|(name, steps)| (name.clone(), wanted(steps))).collect();
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn surfer_s_reader_reads_the_same(signals in recordings()) {
        let dump = written(&signals, "1 ps", true);
        let ours = Wave::of_dump(dump.as_slice()).unwrap();
        let mut theirs = wellen::simple::read_from_reader(std::io::Cursor::new(dump)).unwrap();
        let times = theirs.time_table().to_vec();
        for (number, (_, line)) in ours.lines().enumerate() {
            let signal = {
                let hierarchy = theirs.hierarchy();
                let var = hierarchy.lookup_var(&[format!("s{number}")], line.name.clone()).unwrap();
                hierarchy[var].signal_ref()
            };
            theirs.load_signals(&[signal]);
            let changes = theirs.get_signal(signal).unwrap().iter_changes();
            let mut steps: Vec<(u64, Bit)> = Vec::new();
            for (at, value) in changes {
                let at = times[usize::try_from(at).unwrap()];
                let bit = Bit::of(value.to_string().as_bytes()[0]).unwrap();
                if steps.last().is_some_and(|(last, _)| *last == at) {
                    steps.pop();
                }
                if steps.last().is_none_or(|(_, last)| *last != bit) {
                    steps.push((at, bit));
                }
            }
            prop_assert_eq!(&line.level.0, &steps);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..400_usize) {
        let _ = Wave::of_dump(bytes.as_slice());
        let dump = format!("{HEAD}{BODY}");
        let cut = cut.min(dump.len());
        let mixed = [&dump.as_bytes()[..cut], &bytes, &dump.as_bytes()[cut..]].concat();
        let _ = Wave::of_dump(mixed.as_slice());
    }
}
