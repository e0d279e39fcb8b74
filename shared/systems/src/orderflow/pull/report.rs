//! Reports (OrderFlow reference §4): rows of whatever the instance's report says.
//!
//! Each run asks from `back` before the one that was last read to its end, whenever that was: neither a
//! weekend without runs nor a night without Ferry leaves a gap.

use ferry_config::system::ReportConfig;
use jiff::SignedDuration;

use super::{Pull, reached};
use crate::{Failure, Page, orderflow::times};

impl Pull<'_> {
    pub(super) async fn report(&self, report: &ReportConfig) -> Result<Page, Failure> {
        let (config, now) = (&self.orderflow.config, self.ask.now);
        let read = self.ask.cursor.map(|text| reached(self.ask.endpoint, text)).transpose()?;
        let read = read.map_or(now, |read| read.min(now));
        let back = SignedDuration::try_from(report.back.0).unwrap_or_default();
        let start = read.checked_sub(back).unwrap_or(read);
        let time = |at| times::format(at, &self.orderflow.zone);
        let organisation = report.organisation_id.as_ref().unwrap_or(&config.organisation);
        let mut query = vec![
            ("reportKey", report.key.clone()),
            ("startDate", time(start)),
            ("endDate", time(now)),
            ("organisation_id", organisation.clone()),
        ];
        if let Some(reference) = &report.reference {
            query.push(("reference", reference.clone()));
        }
        let response = self.get("poll", "/remote/report.xml", &query).await?;
        self.split(&response, "")?;
        let record = self.whole(&response, &config.organisation)?;
        Ok(Page { cursor: Some(now.to_string()), ..Page::of(vec![record]) })
    }
}
