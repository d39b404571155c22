//! The delivery stamp in the name of a CloudTrail file (sources.md §3.2).

use crate::units::RecordTime;

/// When a file was delivered: the `YYYYMMDDTHHmmZ` between underscores in its name.
///
/// `ACCOUNT_CloudTrail_REGION_20230710T1145Z_UNIQUE.json.gz`; `None` for any other name.
#[must_use]
pub fn delivery_stamp(file_name: &str) -> Option<RecordTime> {
    file_name.split(['_', '.']).find_map(parse)
}

fn parse(part: &str) -> Option<RecordTime> {
    let digits = part.strip_suffix('Z')?;
    let (date, time) = digits.split_once('T')?;
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || time.len() != 4 || !numeric(date) || !numeric(time) {
        return None;
    }
    let number = |text: &str, from: usize| text.get(from..from + 2)?.parse::<i8>().ok();
    let date =
        jiff::civil::Date::new(date.get(0..4)?.parse().ok()?, number(date, 4)?, number(date, 6)?);
    let time = jiff::civil::Time::new(number(time, 0)?, number(time, 2)?, 0, 0);
    let moment = date.ok()?.to_datetime(time.ok()?);
    let moment = jiff::tz::TimeZone::UTC.to_timestamp(moment).ok()?;
    Some(RecordTime::from_millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_of_a_delivery_file_is_its_minute() {
        let name = "218007301253_CloudTrail_us-east-1_20230710T1145Z_7xgocspSowgK0Gto.json.gz";

        // 2023-07-10T11:45:00Z
        assert_eq!(delivery_stamp(name), Some(RecordTime::from_millis(1_688_989_500_000)));
    }

    #[test]
    fn names_without_a_stamp_have_none() {
        for name in [
            "events.jsonl",
            "a_20231301T0000Z_b.json",
            "a_20230101T2500Z_b.json",
            "a_20230101T000Z_b.json",
            "a_2023é101T0000Z_b.json",
            "",
        ] {
            assert_eq!(delivery_stamp(name), None, "{name}");
        }
    }
}
