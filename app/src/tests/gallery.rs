//! Pages in states that are hard to reach by hand, written to a folder to be looked at: set `GALLERY` to it.

use std::path::Path;

use operations::{ExecutionState, Mark, Role, StepMark};

use super::fakes::{Portal, portal};
use super::scene;

#[tokio::test]
async fn pages_to_look_at() {
    let Ok(folder) = std::env::var("GALLERY") else {
        println!("skipped: GALLERY names no folder");
        return;
    };
    let portal = portal();
    let run = portal.start("restart").await;
    let rows = "NAME        READY   STATUS\nshop-1      1/1     \u{1b}[32mRunning\u{1b}[0m\nshop-2      0/1     \u{1b}[1;31mCrashLoopBackOff\u{1b}[0m\n";
    portal.execution(run, "1", ExecutionState::Passed, "deployment.apps/shop restarted\n").await;
    portal.execution(run, "2", ExecutionState::Failed, "Error from server (NotFound): pods \"x\" not found\n").await;
    portal.execution(run, "3", ExecutionState::Running, rows).await;
    portal.execution(run, "4", ExecutionState::Unknown, "").await;
    let edited = "# Restart <b>it</b>\nkubectl rollout restart deployment/shop -n shop --field-manager=portal";
    for state in [ExecutionState::Passed, ExecutionState::Failed, ExecutionState::Passed] {
        portal.past(edited, state).await;
    }
    let other = portal.start("recover").await;
    let mark = Mark::Skipped { reason: "Everybody is in the room".to_owned() };
    let by = ("olga".to_owned(), "Olga Berg".to_owned());
    portal.memory.marks.lock().unwrap().push(StepMark {
        run: other,
        part: "1".to_owned(),
        mark,
        by,
        at: jiff::Timestamp::now(),
    });
    let form = "name=ci&scopes%5Bread%5D=on&scopes%5Brun%5D=on&days=30";
    let revoked = portal.post(Role::Admin, "/api/make_token", form).await;
    assert!(revoked.status.is_redirection());
    let id = portal.memory.tokens.lock().unwrap()[0].0.id;
    portal.post(Role::Admin, "/api/revoke_token", &format!("token={id}")).await;
    portal.post(Role::Admin, "/api/make_token", &format!("{form}&kind=service&role=operator")).await;
    let made = portal.post(Role::Admin, "/api/make_token", form).await.headers["location"].to_str().unwrap().to_owned();
    for (name, role, address) in [
        ("states", Role::Approver, format!("/runs/{run}")),
        ("viewer", Role::Viewer, format!("/runs/{run}")),
        ("choice", Role::Operator, format!("/runs/{other}")),
        ("home", Role::Operator, "/".to_owned()),
        ("statistics", Role::Operator, "/runbooks/shop/restart/statistics".to_owned()),
        ("overview", Role::Operator, "/statistics/shop".to_owned()),
        ("history", Role::Operator, "/history".to_owned()),
        ("found", Role::Operator, "/search?q=deployment+rollout".to_owned()),
        ("tokens", Role::Admin, made),
        ("missing", Role::Operator, "/nowhere".to_owned()),
    ] {
        write(&portal, Path::new(&folder), name, role, &address).await;
    }
    for (name, scene) in
        [("long", scene::long().await), ("going", scene::going().await), ("hostile", scene::hostile().await)]
    {
        for page in ["timeline", "message", "post-mortem"] {
            let address = format!("/incidents/{}/{page}", scene.incident);
            write(&scene.portal, Path::new(&folder), &format!("{name}-{page}"), Role::Operator, &address).await;
        }
        let address = format!("/incidents/{}/message?template=free", scene.incident);
        write(&scene.portal, Path::new(&folder), &format!("{name}-free"), Role::Operator, &address).await;
        let address = format!("/incidents/{}/message", scene.incident);
        write(&scene.portal, Path::new(&folder), &format!("{name}-message-viewer"), Role::Viewer, &address).await;
        let form = format!("incident={}&text=%23%20Kept&read=", scene.incident);
        scene.portal.post(Role::Operator, "/api/keep_post_mortem", &form).await;
        let shared =
            scene.portal.post(Role::Operator, "/api/share_post_mortem", &format!("incident={}", scene.incident)).await;
        std::fs::write(Path::new(&folder).join(format!("{name}-link.html")), shared.text).unwrap();
        let address = format!("/incidents/{}/post-mortem", scene.incident);
        write(&scene.portal, Path::new(&folder), &format!("{name}-kept"), Role::Operator, &address).await;
        let draft = scene.portal.post(Role::Operator, "/api/keep_post_mortem", &form).await;
        std::fs::write(Path::new(&folder).join(format!("{name}-draft.html")), draft.text).unwrap();
    }
    let refused = portal.post(Role::Viewer, "/api/press", &format!("run={run}&command=1")).await;
    std::fs::write(Path::new(&folder).join("refused.html"), refused.text).unwrap();
}

async fn write(portal: &Portal, folder: &Path, name: &str, role: Role, address: &str) {
    let html = portal.get(role, address).await.text;
    std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
}
