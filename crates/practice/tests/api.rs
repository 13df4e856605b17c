//! The API over plain HTTP, without any other program.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use practice::{Builder, Limits, Practice};
use serde_json::{Value, json};
use std::time::Duration;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";
const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A cluster with a client. Everything happens a hundred times faster than in a real one.
struct Cluster {
    practice: Practice,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A watch being read line by line.
struct Watch {
    body: hyper::body::Incoming,
    rest: Vec<u8>,
}

impl Watch {
    /// The next event; `None` when the stream ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame())
                .await
                .expect("an event within 20 s")?;
            self.rest.extend_from_slice(&frame.unwrap().into_data().unwrap_or_default());
        }
    }
}

impl Cluster {
    async fn start(builder: Builder) -> Self {
        let practice = builder.speed(100.0).start(([127, 0, 0, 1], 0).into()).await.unwrap();
        Self { practice, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn bare() -> Self {
        Self::start(Practice::builder().bare()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: [(&str, &str); 2],
        body: String,
    ) -> (StatusCode, hyper::body::Incoming) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.practice.url()))
            .header("authorization", format!("Bearer {}", self.practice.token()))
            .header(headers[0].0, headers[0].1)
            .header(headers[1].0, headers[1].1)
            .body(Full::from(body))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        (response.status(), response.into_body())
    }

    async fn call(&self, method: Method, path: &str, media: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, body) =
            self.send(method, path, [("content-type", media), ("accept", "application/json")], body).await;
        let bytes = body.collect().await.unwrap().to_bytes();
        (status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, "application/json", &Value::Null).await.1
    }

    async fn table(&self, path: &str) -> Value {
        let (_, body) = self.send(Method::GET, path, [("accept", TABLE), ("x-test", "1")], String::new()).await;
        serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call(Method::POST, path, "application/json", body).await
    }

    async fn patch(&self, path: &str, media: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, path, media, &body).await
    }

    async fn delete(&self, path: &str, options: Value) -> (u16, Value) {
        self.call(Method::DELETE, path, "application/json", &options).await
    }

    async fn watch(&self, path: &str) -> Watch {
        let (status, body) =
            self.send(Method::GET, path, [("accept", "application/json"), ("x-test", "1")], String::new()).await;
        assert_eq!(status, StatusCode::OK);
        Watch { body, rest: Vec::new() }
    }

    /// Watches a collection until the objects in it fit; returns them.
    async fn until(&self, path: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut watch = self.watch(&format!("{path}?watch=true")).await;
        let mut list = self.items(path).await;
        while !fits(&list) {
            watch.next().await.expect("the watch goes on");
            list = self.items(path).await;
        }
        list
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).await["items"].as_array().unwrap().clone()
    }

    async fn deploy(&self, replicas: u32, image: &str) {
        let made = self.post(DEPLOYMENTS, &deployment(replicas, image)).await;
        assert_eq!(made.0, 201, "{}", made.1);
    }

    async fn settled(&self, replicas: u32) -> Value {
        let done = |d: &Value| {
            d["status"]["observedGeneration"] == d["metadata"]["generation"]
                && ["replicas", "updatedReplicas", "availableReplicas"]
                    .iter()
                    .all(|key| d["status"][*key].as_u64() == Some(u64::from(replicas)))
        };
        self.until(DEPLOYMENTS, |list| list.len() == 1 && done(&list[0])).await.remove(0)
    }
}

fn deployment(replicas: u32, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn map(name: &str, app: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": app}}, "data": {"a": "1"}})
}

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().map(|o| o["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_request_needs_the_token_in_header_or_path() {
    let cluster = Cluster::bare().await;
    let ask = async |path: String, token: Option<&str>| {
        let mut request = Request::builder().uri(format!("{}{path}", cluster.practice.url()));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        cluster.client.request(request.body(Full::default()).unwrap()).await.unwrap().status().as_u16()
    };
    let token = cluster.practice.token().to_owned();
    assert_eq!(ask("/api/v1/namespaces".into(), None).await, 401);
    assert_eq!(ask("/api/v1/namespaces".into(), Some("wrong")).await, 401);
    assert_eq!(ask("/key/wrong/api/v1/namespaces".into(), Some(&token)).await, 401);
    assert_eq!(ask("/api/v1/namespaces".into(), Some(&token)).await, 200);
    assert_eq!(ask(format!("/key/{token}/api/v1/namespaces"), None).await, 200);
    assert!(cluster.practice.kubeconfig().contains(&format!("/key/{token}")));
    assert!(Practice::builder().start(([0, 0, 0, 0], 0).into()).await.is_err(), "plain HTTP stays on loopback");
}

#[tokio::test]
async fn a_watch_starts_with_what_is_there_resumes_and_says_when_it_cannot() {
    let cluster = Cluster::bare().await;
    cluster.post(MAPS, &map("a", "x")).await;
    let start = cluster.get(MAPS).await["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut all = cluster.watch(&format!("{MAPS}?watch=1")).await;
    assert_eq!(all.next().await.unwrap()["type"], "ADDED");
    cluster.post(MAPS, &map("b", "y")).await;
    cluster.patch(&format!("{MAPS}/b"), MERGE, json!({"metadata": {"labels": {"app": "x"}}})).await;
    cluster.delete(&format!("{MAPS}/b"), Value::Null).await;

    let mut resumed = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion={start}")).await;
    for deed in ["ADDED", "MODIFIED", "DELETED"] {
        let event = resumed.next().await.unwrap();
        assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!(deed), &json!("b")));
    }
    // Through a selector the same history looks different: b arrives when its label fits.
    let mut chosen = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion={start}&labelSelector=app%3Dx")).await;
    assert_eq!(chosen.next().await.unwrap()["type"], "ADDED");
    assert_eq!(chosen.next().await.unwrap()["type"], "DELETED");

    let path =
        format!("{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    let mut initial = cluster.watch(&path).await;
    assert_eq!(initial.next().await.unwrap()["type"], "ADDED");
    let bookmark = initial.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");

    cluster.practice.compact();
    let mut late = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion={start}")).await;
    let gone = late.next().await.unwrap();
    assert_eq!(
        (&gone["type"], &gone["object"]["code"], &gone["object"]["reason"]),
        (&json!("ERROR"), &json!(410), &json!("Expired"))
    );
    assert!(late.next().await.is_none());
    cluster.practice.shutdown().await;
    while all.next().await.is_some() {}
}

#[tokio::test]
async fn history_and_objects_are_bounded() {
    let limits = Limits { objects: 30, history: 8, request_bytes: 4_096, ..Limits::default() };
    let cluster = Cluster::start(Practice::builder().bare().limits(limits)).await;
    let start = cluster.get(MAPS).await["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut refused = None;
    for index in 0..40 {
        let (code, body) = cluster.post(MAPS, &map(&format!("m{index}"), "x")).await;
        if code != 201 {
            refused = Some((code, body["reason"].clone()));
            break;
        }
    }
    assert_eq!(refused, Some((403, json!("Forbidden"))));
    let mut late = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion={start}")).await;
    assert_eq!(late.next().await.unwrap()["object"]["code"], 410);
    let (code, _) = cluster.post(MAPS, &json!({"data": {"big": "x".repeat(5_000)}})).await;
    assert_eq!(code, 413);
}

#[tokio::test]
async fn every_kind_of_patch_changes_a_deployment() {
    let cluster = Cluster::bare().await;
    cluster.deploy(1, "web:1").await;
    let path = format!("{DEPLOYMENTS}/web");
    let env = |name: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": name, "value": "1"}]}]}}}});
    cluster.patch(&path, STRATEGIC, env("A")).await;
    let (_, object) = cluster.patch(&path, STRATEGIC, env("B")).await;
    let container = &object["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["env"], json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]));
    assert_eq!(container["image"], "web:1");
    let (_, object) =
        cluster.patch(&path, MERGE, json!({"metadata": {"annotations": {"x": "y"}}, "spec": {"replicas": 2}})).await;
    assert_eq!((&object["spec"]["replicas"], &object["metadata"]["annotations"]["x"]), (&json!(2), &json!("y")));
    let (_, object) =
        cluster.patch(&path, JSON_PATCH, json!([{"op": "replace", "path": "/spec/replicas", "value": 3}])).await;
    assert_eq!(object["spec"]["replicas"], 3);
    let (code, _) =
        cluster.patch(&path, JSON_PATCH, json!([{"op": "test", "path": "/spec/replicas", "value": 9}])).await;
    assert_eq!(code, 422);
    let (code, body) = cluster.patch(&path, "text/plain", json!({})).await;
    assert_eq!((code, &body["reason"]), (415, &json!("UnsupportedMediaType")));

    let mut config = deployment(3, "web:2");
    config["metadata"] = json!({"name": "web"});
    let (code, object) = cluster.patch(&format!("{path}?fieldManager=me"), APPLY, config.clone()).await;
    assert_eq!((code, &object["spec"]["template"]["spec"]["containers"][0]["image"]), (200, &json!("web:2")));
    config["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:3");
    let (code, body) = cluster.patch(&format!("{path}?fieldManager=you"), APPLY, config.clone()).await;
    assert_eq!((code, &body["details"]["causes"][0]["reason"]), (409, &json!("FieldManagerConflict")));
    let (code, _) = cluster.patch(&format!("{path}?fieldManager=you&force=true"), APPLY, config).await;
    assert_eq!(code, 200);
    let (_, shown) = cluster.patch(&format!("{path}?dryRun=All"), MERGE, json!({"spec": {"replicas": 9}})).await;
    assert_eq!(shown["spec"]["replicas"], 9);
    assert_eq!(cluster.get(&path).await["spec"]["replicas"], 3);
}

#[tokio::test]
async fn a_rollout_replaces_pods_within_its_limits_and_can_be_undone() {
    let cluster = Cluster::bare().await;
    cluster.deploy(4, "web:1").await;
    let first = cluster.settled(4).await;
    assert_eq!(first["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    let mut watch = cluster.watch(&format!("{DEPLOYMENTS}?watch=true")).await;
    cluster
        .patch(
            &format!("{DEPLOYMENTS}/web"),
            STRATEGIC,
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}),
        )
        .await;
    loop {
        let object = watch.next().await.expect("the rollout goes on")["object"].clone();
        let count = |key: &str| object["status"][key].as_u64().unwrap_or(0);
        assert!(count("availableReplicas") >= 3, "25% of 4 may be missing: {}", object["status"]);
        assert!(count("replicas") <= 5, "25% of 4 may be extra: {}", object["status"]);
        let generation = object["metadata"]["generation"].as_u64();
        if generation == Some(2)
            && object["status"]["observedGeneration"] == 2
            && count("updatedReplicas") == 4
            && count("replicas") == 4
            && count("availableReplicas") == 4
        {
            break;
        }
    }
    let sets = cluster.items(SETS).await;
    assert_eq!(sets.len(), 2);
    let old = sets.iter().find(|s| s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1").unwrap();
    assert_eq!(old["spec"]["replicas"], 0);
    // `kubectl rollout undo` puts the old set's template back, without the label that the controller added.
    let mut template = old["spec"]["template"].clone();
    template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
    template["metadata"]["creationTimestamp"] = Value::Null;
    cluster
        .patch(
            &format!("{DEPLOYMENTS}/web"),
            JSON_PATCH,
            json!([{"op": "replace", "path": "/spec/template", "value": template}]),
        )
        .await;
    let undone = cluster.settled(4).await;
    assert_eq!(undone["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    assert_eq!(cluster.items(SETS).await.len(), 2, "the old ReplicaSet is used again");
    let pods = cluster.until(PODS, |pods| pods.len() == 4).await;
    assert!(pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "web:1"));
    let said = cluster.items("/api/v1/namespaces/default/events?fieldSelector=reason%3DScalingReplicaSet").await;
    assert!(said.iter().any(|e| e["message"].as_str().unwrap().starts_with("Scaled up replica set web-")));
}

#[tokio::test]
async fn a_bad_image_stops_a_rollout_and_the_old_pods_serve_on() {
    let cluster = Cluster::bare().await;
    cluster.deploy(2, "web:1").await;
    cluster.settled(2).await;
    cluster
        .patch(
            &format!("{DEPLOYMENTS}/web"),
            STRATEGIC,
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:broken"}]}}}}),
        )
        .await;
    let reason = |pod: &Value| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str().unwrap_or("").to_owned()
    };
    let pods = cluster.until(PODS, |pods| pods.iter().any(|pod| reason(pod) == "ImagePullBackOff")).await;
    let broken = pods.iter().find(|pod| reason(pod) == "ImagePullBackOff").unwrap();
    assert_eq!(pods.len(), 3);
    let (code, body) = cluster
        .call(Method::GET, &format!("{PODS}/{}/log", broken["metadata"]["name"].as_str().unwrap()), "", &Value::Null)
        .await;
    assert_eq!(code, 400);
    assert!(body["message"].as_str().unwrap().contains("trying and failing to pull image"));
    assert_eq!(cluster.get(&format!("{DEPLOYMENTS}/web")).await["status"]["availableReplicas"], 2);
}

#[tokio::test]
async fn a_crash_loop_counts_restarts_and_keeps_the_last_words() {
    let cluster = Cluster::bare().await;
    let mut wanted = deployment(1, "web:1");
    wanted["spec"]["template"]["metadata"]["annotations"] = json!({"practice.runbook-portal.dev/fault": "crash-loop"});
    cluster.post(DEPLOYMENTS, &wanted).await;
    let fits = |pods: &[Value]| {
        pods.first().is_some_and(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            status["restartCount"].as_u64() >= Some(1) && status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        })
    };
    let pods = cluster.until(PODS, fits).await;
    let (code, log) =
        cluster.call(Method::GET, &format!("{PODS}/{}/log?previous=true", names(&pods)[0]), "", &Value::Null).await;
    assert_eq!(code, 200);
    assert!(log.to_string().contains("exiting with status 1"), "{log}");
    let row = &cluster.table(PODS).await["rows"][0]["cells"];
    assert_eq!((&row[1], &row[2]), (&json!("0/1"), &json!("CrashLoopBackOff")));
}

#[tokio::test]
async fn tables_have_the_columns_and_priorities_of_the_real_server() {
    let cluster = Cluster::start(Practice::builder()).await;
    let columns = async |path: &str, priority: u64| -> Vec<String> {
        let table = cluster.table(path).await;
        assert_eq!(table["kind"], "Table");
        let wanted = table["columnDefinitions"].as_array().unwrap().iter().filter(|c| c["priority"] == priority);
        wanted.map(|c| c["name"].as_str().unwrap().to_owned()).collect()
    };
    let pods = "/api/v1/namespaces/fintech-banking/pods";
    assert_eq!(columns(pods, 0).await, ["Name", "Ready", "Status", "Restarts", "Age"]);
    assert_eq!(columns(pods, 1).await, ["IP", "Node", "Nominated Node", "Readiness Gates"]);
    assert_eq!(columns("/apis/apps/v1/deployments", 0).await, ["Name", "Ready", "Up-to-date", "Available", "Age"]);
    assert_eq!(columns("/api/v1/events", 0).await, ["Last Seen", "Type", "Reason", "Object", "Message"]);
    let apps = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
    assert_eq!(columns(apps, 0).await, ["Name", "Sync Status", "Health Status"]);
    let rows = cluster.table(apps).await["rows"].clone();
    assert_eq!(rows[0]["cells"][1], "OutOfSync");
    assert_eq!(rows[0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(
        cluster.table(&format!("{apps}?includeObject=Object")).await["rows"][0]["object"]["kind"],
        "Application"
    );
    let failing = cluster.table(&format!("{pods}?labelSelector=app%3Dpayment-service")).await;
    let crashing = failing["rows"].as_array().unwrap().iter().filter(|r| r["cells"][2] == "CrashLoopBackOff").count();
    assert_eq!((failing["rows"].as_array().unwrap().len(), crashing), (3, 1));
}

#[tokio::test]
async fn lists_are_selected_and_continued() {
    let cluster = Cluster::bare().await;
    for (name, app) in [("a", "web"), ("b", "web"), ("c", "db"), ("d", "web")] {
        cluster.post(MAPS, &map(name, app)).await;
    }
    let listed = async |query: &str| names(&cluster.items(&format!("{MAPS}?{query}")).await).join("");
    assert_eq!(listed("labelSelector=app%20in%20(web)").await, "abd");
    assert_eq!(listed("labelSelector=app!%3Dweb").await, "c");
    assert_eq!(listed("fieldSelector=metadata.name%3Db").await, "b");
    let first = cluster.get(&format!("{MAPS}?limit=3")).await;
    assert_eq!(names(first["items"].as_array().unwrap()), ["a", "b", "c"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    assert_eq!(listed(&format!("limit=3&continue={token}")).await, "d");
    let (code, _) = cluster.call(Method::GET, &format!("{MAPS}?continue=junk"), "", &Value::Null).await;
    assert_eq!(code, 400);
    let (code, body) = cluster.call(Method::GET, &format!("{MAPS}?fieldSelector=data.a%3D1"), "", &Value::Null).await;
    assert_eq!((code, &body["message"]), (400, &json!("field label not supported: data.a")));
}

#[tokio::test]
async fn what_an_owner_made_goes_with_it_or_stays_as_asked() {
    let cluster = Cluster::bare().await;
    cluster.deploy(2, "web:1").await;
    cluster.settled(2).await;
    cluster.delete(&format!("{DEPLOYMENTS}/web"), json!({"propagationPolicy": "Background"})).await;
    cluster.until(SETS, <[Value]>::is_empty).await;
    cluster.until(PODS, <[Value]>::is_empty).await;

    cluster.deploy(1, "web:1").await;
    cluster.settled(1).await;
    cluster.delete(&format!("{DEPLOYMENTS}/web"), json!({"propagationPolicy": "Orphan"})).await;
    let sets = cluster.items(SETS).await;
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0]["metadata"]["ownerReferences"], json!([]));

    cluster.delete(&format!("{SETS}/{}", names(&sets)[0]), json!({"propagationPolicy": "Foreground"})).await;
    let last = cluster.until(SETS, <[Value]>::is_empty).await;
    assert!(last.is_empty() && cluster.items(PODS).await.is_empty(), "the owner outlives its pods");
}

#[tokio::test]
async fn refusals_are_the_real_servers() {
    let cluster = Cluster::start(Practice::builder().bare().forbid("patch", "deployments", "default")).await;
    cluster.deploy(1, "web:1").await;
    let refused = |(code, body): (u16, Value)| {
        (code, body["reason"].as_str().unwrap_or("").to_owned(), body["message"].as_str().unwrap_or("").to_owned())
    };
    let is = |found: (u16, String, String), code: u16, reason: &str, message: &str| {
        assert_eq!((found.0, found.1.as_str(), found.2.as_str()), (code, reason, message));
    };
    let get = async |path: &str| refused(cluster.call(Method::GET, path, "", &Value::Null).await);
    is(get(&format!("{DEPLOYMENTS}/x")).await, 404, "NotFound", "deployments.apps \"x\" not found");
    is(get("/apis/none.example/v1/things").await, 404, "NotFound", "the server could not find the requested resource");
    is(
        refused(cluster.post(DEPLOYMENTS, &deployment(1, "web:1")).await),
        409,
        "AlreadyExists",
        "deployments.apps \"web\" already exists",
    );
    let found = refused(cluster.patch(&format!("{DEPLOYMENTS}/web"), MERGE, json!({})).await);
    is(
        found,
        403,
        "Forbidden",
        "deployments.apps \"web\" is forbidden: User \"practice\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"default\"",
    );
    let mut stale = cluster.get(&format!("{DEPLOYMENTS}/web")).await;
    stale["metadata"]["resourceVersion"] = json!("1");
    let found = refused(cluster.call(Method::PUT, &format!("{DEPLOYMENTS}/web"), "application/json", &stale).await);
    is(
        found,
        409,
        "Conflict",
        "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again",
    );
    let mut wrong = deployment(1, "web:1");
    wrong["metadata"]["name"] = json!("other");
    wrong["spec"]["selector"]["matchLabels"]["app"] = json!("else");
    let found = refused(cluster.post(DEPLOYMENTS, &wrong).await);
    is(
        found,
        422,
        "Invalid",
        "Deployment.apps \"other\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
    );
    let found = refused(cluster.post("/api/v1/namespaces/nowhere/configmaps", &map("a", "x")).await);
    is(found, 404, "NotFound", "namespaces \"nowhere\" not found");
    let (_, review) = cluster
        .post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &json!({"spec": {"resourceAttributes": {"verb": "patch", "resource": "deployments", "namespace": "default"}}}))
        .await;
    assert_eq!(review["status"]["allowed"], false);
}

#[tokio::test]
async fn a_service_follows_its_ready_pods_and_scale_goes_through_the_subresource() {
    let cluster = Cluster::bare().await;
    cluster.deploy(2, "web:1").await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    cluster.post("/api/v1/namespaces/default/services", &service).await;
    let endpoints = "/api/v1/namespaces/default/endpoints";
    let addresses =
        |list: &[Value]| list.first().map_or(0, |e| e["subsets"][0]["addresses"].as_array().map_or(0, Vec::len));
    cluster.until(endpoints, |list| addresses(list) == 2).await;
    let (code, scale) =
        cluster.patch(&format!("{DEPLOYMENTS}/web/scale"), MERGE, json!({"spec": {"replicas": 3}})).await;
    assert_eq!((code, &scale["kind"], &scale["spec"]["replicas"]), (200, &json!("Scale"), &json!(3)));
    cluster.until(endpoints, |list| addresses(list) == 3).await;
    cluster.patch(&format!("{DEPLOYMENTS}/web/scale"), MERGE, json!({"spec": {"replicas": 0}})).await;
    cluster.until(PODS, <[Value]>::is_empty).await;
    cluster.until(endpoints, |list| addresses(list) == 0).await;
}

#[tokio::test]
async fn a_followed_log_goes_on_and_ends_with_its_pod() {
    let cluster = Cluster::bare().await;
    cluster.deploy(1, "web:1").await;
    cluster.settled(1).await;
    let pod = names(&cluster.items(PODS).await)[0].to_owned();
    let path = format!("{PODS}/{pod}/log");
    let (_, mut body) = cluster
        .send(Method::GET, &format!("{path}?follow=true"), [("accept", "*/*"), ("x-test", "1")], String::new())
        .await;
    let mut lines = 0;
    while lines < 5 {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame())
            .await
            .expect("lines keep coming")
            .unwrap()
            .unwrap();
        lines += frame.into_data().unwrap().iter().filter(|b| **b == b'\n').count();
    }
    let (_, tail) = cluster.call(Method::GET, &format!("{path}?tailLines=2&timestamps=true"), "", &Value::Null).await;
    assert_eq!(tail.as_str().unwrap().lines().count(), 2);
    let (_, cut) = cluster.call(Method::GET, &format!("{path}?limitBytes=10"), "", &Value::Null).await;
    assert_eq!(cut.as_str().map(str::len), Some(10));
    cluster.delete(&format!("{DEPLOYMENTS}/web"), Value::Null).await;
    let end = async {
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), end).await.expect("the log ends when its pod is gone");
}

#[tokio::test]
async fn the_seed_holds_what_runbooks_name() {
    let cluster = Cluster::start(Practice::builder()).await;
    for path in [
        "/apis/apps/v1/namespaces/fintech-banking/deployments/auth-service",
        "/apis/autoscaling/v2/namespaces/fintech-banking/horizontalpodautoscalers/auth-service-hpa",
        "/apis/autoscaling/v1/namespaces/fintech-banking/horizontalpodautoscalers/auth-service-hpa",
        "/apis/networking.k8s.io/v1/namespaces/fintech-banking/ingresses/fintech-ingress",
        "/apis/apps/v1/namespaces/pms/deployments/pms-analytics",
        "/api/v1/namespaces/default/pods/postgres-pod",
        "/api/v1/namespaces/default/configmaps/platform-config",
        "/apis/networking.k8s.io/v1/namespaces/backstage/networkpolicies/backstage-netpol",
        "/api/v1/namespaces/monitoring/services/grafana",
        "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/backstage-kustomize",
    ] {
        let (code, body) = cluster.call(Method::GET, path, "", &Value::Null).await;
        assert_eq!(code, 200, "{path}: {body}");
    }
    let api = cluster.get("/apis/apps/v1/namespaces/architect-production/deployments/architect-api").await;
    assert_eq!(api["spec"]["replicas"], 10);
    let sets = cluster.items("/apis/apps/v1/namespaces/backstage/replicasets?labelSelector=app%3Dbackstage").await;
    assert_eq!(sets.len(), 3, "a seeded deployment has a history to go back to");
    assert_eq!(cluster.items("/apis/metrics.k8s.io/v1beta1/nodes").await.len(), 3);
}
