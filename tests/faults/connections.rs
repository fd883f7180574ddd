//! Connections that are slow, or cut before or after the request takes effect.

use std::time::Duration;

use lacme::ErrorKind::Network;
use lacme_ca::testing::Fault;

use crate::stage::End::{Fails, Issued};
use crate::stage::{ALL, Case, always, left_over, once, play};

pub(crate) fn cases() -> Vec<Case> {
    [slow(), hanging(), cut_once(), cut_for_good()].concat()
}

fn slow() -> Vec<Case> {
    ALL.map(|resource| always(resource, Fault::Delay(Duration::from_millis(100)), Issued)).to_vec()
}

fn hanging() -> Vec<Case> {
    let hang = Fault::Delay(Duration::from_secs(600));
    let case = |resource| always(resource, hang.clone(), Fails(Network, left_over(resource)));
    ALL.map(|resource| case(resource).impatient()).to_vec()
}

fn cut_once() -> Vec<Case> {
    let cuts = [Fault::DropBefore, Fault::DropAfter];
    cuts.map(|cut| ALL.map(|resource| once(resource, cut.clone(), Issued))).concat()
}

fn cut_for_good() -> Vec<Case> {
    let cuts = [Fault::DropBefore, Fault::DropAfter];
    let case = |resource, cut| always(resource, cut, Fails(Network, left_over(resource)));
    cuts.map(|cut| ALL.map(|resource| case(resource, cut.clone()))).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_waited_for() {
    play(slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up_in_time_and_gone_on_with_later() {
    play(hanging()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_once_costs_nothing_but_a_request() {
    play(cut_once()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_always_cut_is_given_up_and_gone_on_with_later() {
    play(cut_for_good()).await;
}
