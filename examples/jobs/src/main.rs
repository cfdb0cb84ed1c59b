//! Orders whose invoices are sent by a job, and a report that shows its progress and is also made every night.

#[cfg(test)]
mod tests;

use std::thread;
use std::time::Duration;

use lback::mail::Mailer;
use lback::prelude::*;
use serde::{Deserialize, Serialize};

diesel::table! {
    orders (id) {
        id -> BigInt,
        email -> Text,
        is_invoiced -> Bool,
    }
}

fn main() {
    app().main()
}

fn app() -> App {
    let urls = Router::new().get("/", order).name("order").post("/", order);
    let urls = urls.get("/report", report).name("report").post("/report", start_report);
    App::new(urls).migrations(migrations!()).mail().jobs(jobs![SendInvoice, Report]).schedule("0 3 * * *", Report)
}

#[derive(Serialize, Deserialize)]
struct SendInvoice {
    order_id: i64,
}

impl Job for SendInvoice {
    const NAME: &'static str = "send_invoice";

    fn run(self, job: &mut JobContext) -> Result<()> {
        let order = orders::table.find(self.order_id);
        let email: String = job.read_db(|db| Ok(order.select(orders::email).first(db)?))?;
        let mail = Mail::to(email).subject("Your invoice").text(format!("Order {}: 7 EUR.", self.order_id));
        let app = job.app().clone();
        let mailer = app.state::<Mailer>().ok_or_else(|| Error::internal("this application sends no mail"))?;
        // The mail, the mark of the order and the end of the job are committed together.
        mailer.queue(job.db()?, mail)?;
        diesel::update(order).set(orders::is_invoiced.eq(true)).execute(job.db()?)?;
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Report;

impl Job for Report {
    const NAME: &'static str = "report";
    const KEEP: Duration = Duration::from_secs(3600);

    fn run(self, job: &mut JobContext) -> Result<()> {
        let emails: Vec<String> = job.read_db(|db| Ok(orders::table.select(orders::email).order(orders::id).load(db)?))?;
        for (done, email) in (0..).zip(&emails) {
            job.check()?;
            job.progress(done, emails.len() as u64, email);
            // Stands for work that takes long.
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

#[derive(Form)]
struct Order {
    #[form(email, label = "Your e-mail address")]
    email: String,
}

fn order(req: &mut Request) -> Result<Response> {
    let mut form = Form::<Order>::new();
    if let Some(Order { email }) = form.submitted(req)? {
        let row = diesel::insert_into(orders::table).values(orders::email.eq(email));
        let order_id = row.returning(orders::id).get_result(req.db()?)?;
        // In the same transaction as the order.
        req.enqueue(SendInvoice { order_id })?;
        return req.redirect_to("order", &[]);
    }
    let orders: Vec<(i64, String, bool)> = orders::table.order(orders::id.desc()).limit(20).load(req.db()?)?;
    req.render("order.html", context! { form, orders })
}

/// The session keeps the id of the job, so that each visitor sees their own report only.
fn start_report(req: &mut Request) -> Result<Response> {
    let job = req.enqueue(Report)?;
    req.session().insert("report", job.id)?;
    req.redirect_to("report", &[])
}

fn report(req: &mut Request) -> Result<Response> {
    let id: i64 = req.session().get("report")?.or_404()?;
    let job = req.jobs()?.find(req.db()?, id)?.or_404()?;
    req.render("report.html", context! { job })
}
