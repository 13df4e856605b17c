//! Calls with manifests and small changes, through a real kubectl and through the adapter.

use practice::Practice;

use crate::differential::kubectl_with;
use crate::rig::Rig;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  A: one\n";
const TWO: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: backstage\ndata:\n  A: two\n\
                   ---\napiVersion: v1\nkind: Service\nmetadata:\n  name: extra\n  namespace: backstage\nspec:\n  selector: \
                   {app: backstage}\n  ports:\n  - port: 81\n    targetPort: 7007\n";
const SCALER: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: settings\n  namespace: \
                      fintech-banking\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: \
                      auth-service\n  minReplicas: 3\n  maxReplicas: 15\n  metrics:\n  - type: Resource\n    resource:\n      \
                      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 60\n";
const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: made, namespace: argocd}\n\
                           spec: {project: default}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: made\nspec:\n  replicas: 1\n  selector:\n    \
                          matchLabels: {app: made}\n  template:\n    metadata:\n      labels: {app: made}\n    spec:\n      \
                          containers:\n      - name: made\n        image: registry.example/made:1\n        env:\n        - \
                          {name: A, value: '1'}\n        - {name: B, value: '2'}\n        ports:\n        - {containerPort: \
                          8080}\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  B: two\n";
const FOREIGN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: backstage}\n";
const LIST: &str = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\
                    \"metadata\":{\"name\":\"settings\"},\"data\":{\"A\":\"list\"}}]}";

/// What is called first (by the real kubectl, with its own standard input) before each of the two turns; then the call.
struct Step {
    before: &'static [(&'static str, &'static str)],
    line: &'static str,
    stdin: &'static str,
}

const GONE: (&str, &str) = ("delete configmap settings --ignore-not-found", "");
const UNMADE: (&str, &str) = ("delete deployment made --ignore-not-found", "");

const STEPS: &[Step] = &[
    Step { before: &[GONE], line: "apply -f -", stdin: MAP },
    Step { before: &[("apply -f -", MAP)], line: "apply -f -", stdin: MAP },
    Step { before: &[("apply -f -", MAP)], line: "apply -f -", stdin: OTHER },
    Step { before: &[("apply -f -", OTHER)], line: "apply -f - -o name", stdin: MAP },
    Step { before: &[("apply -f -", MAP)], line: "apply -f - --dry-run=client", stdin: MAP },
    Step { before: &[("apply -f -", MAP)], line: "apply -f - --dry-run=server", stdin: OTHER },
    Step { before: &[GONE], line: "apply -f - --dry-run=client", stdin: MAP },
    Step { before: &[GONE], line: "apply -f - --dry-run=server", stdin: MAP },
    Step { before: &[GONE, ("create -f -", MAP)], line: "apply -f -", stdin: OTHER },
    Step { before: &[GONE], line: "apply -f - --server-side", stdin: MAP },
    Step { before: &[GONE], line: "apply -f - -n nowhere", stdin: MAP },
    Step { before: &[], line: "apply -f - -n default", stdin: FOREIGN },
    Step { before: &[("delete -f -", TWO)], line: "apply -f -", stdin: TWO },
    Step { before: &[("apply -f -", TWO)], line: "apply -f -", stdin: TWO },
    Step { before: &[], line: "delete -f -", stdin: "" },
    Step { before: &[("apply -f -", TWO)], line: "delete -f -", stdin: TWO },
    Step { before: &[], line: "delete -f -", stdin: TWO },
    Step {
        before: &[("delete hpa settings -n fintech-banking --ignore-not-found", "")],
        line: "apply -f -",
        stdin: SCALER,
    },
    Step { before: &[("apply -f -", SCALER)], line: "apply -f -", stdin: SCALER },
    Step {
        before: &[("delete application made -n argocd --ignore-not-found", "")],
        line: "apply -f -",
        stdin: APPLICATION,
    },
    Step { before: &[("apply -f -", APPLICATION)], line: "apply -f -", stdin: APPLICATION },
    Step { before: &[UNMADE], line: "apply -f -", stdin: DEPLOYMENT },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "apply -f -", stdin: DEPLOYMENT },
    Step { before: &[], line: "apply -f -", stdin: "" },
    Step { before: &[], line: "apply -f {dir}/none.yaml", stdin: "" },
    Step { before: &[], line: "apply", stdin: "" },
    Step { before: &[], line: "apply -f - --server-side --dry-run=client", stdin: MAP },
    Step { before: &[GONE], line: "create -f -", stdin: MAP },
    Step { before: &[("apply -f -", MAP)], line: "create -f -", stdin: MAP },
    Step { before: &[("apply -f -", OTHER)], line: "replace -f -", stdin: MAP },
    Step { before: &[GONE], line: "replace -f -", stdin: MAP },
    Step { before: &[GONE], line: "create configmap settings --from-literal=A=1 --from-literal=B=x,y", stdin: "" },
    Step { before: &[], line: "create configmap settings --from-literal=A=1 --dry-run=client -o yaml", stdin: "" },
    Step {
        before: &[],
        line: "create configmap settings -n backstage --from-file={dir}/words.txt --dry-run=client -o yaml",
        stdin: "",
    },
    Step {
        before: &[],
        line: "create secret generic keys --from-env-file={dir}/env --dry-run=client -o yaml",
        stdin: "",
    },
    Step {
        before: &[],
        line: "create secret generic keys --from-literal=key=value --dry-run=client -o yaml",
        stdin: "",
    },
    Step {
        before: &[],
        line: "create secret generic keys --from-literal=key=value --type=example.org/x --dry-run=client -o yaml",
        stdin: "",
    },
    Step { before: &[], line: "create secret generic keys --from-env-file={dir}/none", stdin: "" },
    Step { before: &[], line: "create secret generic keys --from-file={dir}/none", stdin: "" },
    Step {
        before: &[("delete secret keys --ignore-not-found", "")],
        line: "create secret generic keys --from-literal=key=value",
        stdin: "",
    },
    Step { before: &[], line: "create secret generic jwt-secret --from-literal=key=value", stdin: "" },
    Step { before: &[], line: "create secret tls cert --cert={dir}/none.crt --key={dir}/none.key", stdin: "" },
    Step { before: &[], line: "create secret generic", stdin: "" },
    Step {
        before: &[],
        line: "create secret docker-registry pull --docker-server=registry.example --docker-username=me --docker-password=pw --dry-run=client -o yaml",
        stdin: "",
    },
    Step { before: &[("delete namespace fresh --ignore-not-found", "")], line: "create namespace fresh", stdin: "" },
    Step { before: &[], line: "create namespace fresh --dry-run=client -o yaml", stdin: "" },
    Step {
        before: &[],
        line: "create deployment made --image=registry.example/some/web:1.2 --replicas=2 --port=80 --dry-run=client -o yaml",
        stdin: "",
    },
    Step { before: &[], line: "create deployment made --image=busybox --dry-run=client -o yaml -- sleep 5", stdin: "" },
    Step { before: &[UNMADE], line: "create deployment made --image=busybox --replicas=0", stdin: "" },
    Step { before: &[], line: "create job work --image=busybox --dry-run=client -o yaml -- date", stdin: "" },
    Step { before: &[], line: "create job work --image=busybox --dry-run=server", stdin: "" },
    Step {
        before: &[],
        line: "run tool --image=busybox --restart=Never --env=A=b --labels=x=y --port=8 --dry-run=client -o yaml -- sleep 5",
        stdin: "",
    },
    Step { before: &[], line: "run tool --image=busybox --command --dry-run=client -o yaml -- sleep 5", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made A=2 C=3 B-", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made A=1", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made --list", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made --list -o yaml", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made A=5 --overwrite=false", stdin: "" },
    Step {
        before: &[UNMADE, ("apply -f -", DEPLOYMENT)],
        line: "set env deployment/made --from=configmap/platform-config",
        stdin: "",
    },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made A=9 --dry-run=server", stdin: "" },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set env deployment/made A=9 --dry-run=client", stdin: "" },
    Step { before: &[], line: "set env deployment/nobody A=9", stdin: "" },
    Step { before: &[], line: "set env deployment/made", stdin: "" },
    Step {
        before: &[("apply -f -", DEPLOYMENT)],
        line: "set image deployment/made made=registry.example/made:2",
        stdin: "",
    },
    Step {
        before: &[("apply -f -", DEPLOYMENT)],
        line: "set image deployment/made *=registry.example/made:3",
        stdin: "",
    },
    Step {
        before: &[("apply -f -", DEPLOYMENT)],
        line: "set image deployment/made made=registry.example/made:1",
        stdin: "",
    },
    Step {
        before: &[("apply -f -", DEPLOYMENT)],
        line: "set image deployment/made other=registry.example/made:2",
        stdin: "",
    },
    Step { before: &[("apply -f -", DEPLOYMENT)], line: "set image deployment/made", stdin: "" },
    Step {
        before: &[UNMADE, ("apply -f -", DEPLOYMENT)],
        line: "set resources deployment made --requests=cpu=1000m,memory=2Gi --limits=cpu=2000m,memory=4Gi",
        stdin: "",
    },
    Step {
        before: &[UNMADE, ("apply -f -", DEPLOYMENT), ("set resources deployment made --limits=memory=4Gi", "")],
        line: "set resources deployment made --limits=memory=4Gi",
        stdin: "",
    },
    Step { before: &[], line: "set resources deployment made", stdin: "" },
    Step { before: &[UNMADE, ("apply -f -", DEPLOYMENT)], line: "label deployment made tier=front", stdin: "" },
    Step {
        before: &[("label deployment made tier=front --overwrite", "")],
        line: "label deployment made tier=back",
        stdin: "",
    },
    Step {
        before: &[("label deployment made tier=front --overwrite", "")],
        line: "label deployment made tier=front",
        stdin: "",
    },
    Step {
        before: &[("label deployment made tier=front --overwrite", "")],
        line: "label deployment made tier-",
        stdin: "",
    },
    Step { before: &[], line: "label deployment made nothing-", stdin: "" },
    Step {
        before: &[("label deployment made tier=front --overwrite", "")],
        line: "label deployment made --list",
        stdin: "",
    },
    Step { before: &[("annotate deployment made note-", "")], line: "annotate deployment made note=x", stdin: "" },
    Step {
        before: &[("annotate deployment made note=x --overwrite", "")],
        line: "annotate deployment made note=y",
        stdin: "",
    },
    Step { before: &[], line: "annotate deployment made note-", stdin: "" },
    Step { before: &[], line: "patch deployment made --patch-file {dir}/patch.yaml --dry-run=server", stdin: "" },
    Step { before: &[], line: "patch deployment made --patch-file {dir}/none.yaml", stdin: "" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn manifests_and_settings_are_kubectls() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    if kubectl_with(&rig, "version --client", "").await.is_none() {
        println!("skipped: no kubectl is installed to compare with");
        return;
    }
    let dir = rig.folder.path().to_str().expect("UTF-8").to_owned();
    for (name, text) in [
        ("words.txt", "some words\n"),
        ("env", "# a comment\nA=one\nB=two words\n"),
        ("patch.yaml", "spec:\n  replicas: 3\n"),
    ] {
        std::fs::write(rig.folder.path().join(name), text).expect("written");
    }
    let mut different = Vec::new();
    for step in STEPS {
        let line = step.line.replace("{dir}", &dir);
        let before = async || {
            for (line, stdin) in step.before {
                let _whatever_it_says = kubectl_with(&rig, line, stdin).await;
            }
        };
        before().await;
        let theirs = kubectl_with(&rig, &line, step.stdin).await.expect("installed");
        before().await;
        let mine = rig.call_with(&format!("kubectl {line}"), step.stdin).await;
        if theirs != mine {
            different.push(format!("{line}\n  kubectl: {theirs:?}\n  adapter: {mine:?}"));
        }
    }
    assert!(different.is_empty(), "{} calls differ:\n{}", different.len(), different.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_secret_is_applied_and_never_shown() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let made =
        rig.call("kubectl create secret generic jwt-secret --from-literal=key=hunter2 --dry-run=client -o yaml").await;
    assert_eq!(made.code, 0, "{made:?}");
    let applied = rig.call_with("kubectl apply -f -", &made.stdout).await;
    assert_eq!(applied.stdout, "secret/jwt-secret configured\n", "{applied:?}");
    let again = rig.call_with("kubectl apply -f - -o yaml", &made.stdout).await;
    assert!(!again.stdout.contains("aHVudGVyMg"), "{again:?}");
    let read = rig.call("kubectl get secret jwt-secret -o yaml").await;
    assert!(!read.stdout.contains("aHVudGVyMg"), "{read:?}");
    let back = rig.call_with("kubectl apply -f -", &read.stdout).await;
    assert_eq!(back.code, 126, "what was hidden is not written back: {back:?}");
    let patched =
        rig.call("kubectl patch secret jwt-secret -p '{\"stringData\":{\"key\":\"hidden by runbook-portal\"}}'").await;
    assert_eq!(patched.code, 126, "{patched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_taken_apart() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    let applied = rig.call_with("kubectl apply -f -", LIST).await;
    assert_eq!(applied.stdout, "configmap/settings created\n", "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_stay_inside_the_environment() {
    let mut rig = Rig::start(Practice::builder().speed(50.0)).await;
    rig.only(&["default"]);
    for text in [TWO, APPLICATION, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"] {
        for verb in ["apply", "create", "replace", "delete"] {
            let refused = rig.call_with(&format!("kubectl {verb} -f -"), text).await;
            assert_eq!((refused.code, refused.stdout.as_str()), (126, ""), "{verb}: {refused:?}");
        }
    }
    assert_eq!(rig.call_with("kubectl apply -f -", MAP).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_no_longer_says_goes_and_what_others_set_stays() {
    let rig = Rig::start(Practice::builder().speed(50.0)).await;
    rig.call_with("kubectl apply -f -", DEPLOYMENT).await;
    rig.call("kubectl scale deployment made --replicas=2").await;
    rig.call("kubectl set env deployment/made MINE=1").await;
    let without = DEPLOYMENT.replace("        - {name: A, value: '1'}\n", "").replace("  replicas: 1\n", "");
    let applied = rig.call_with("kubectl apply -f -", &without).await;
    assert_eq!(applied.stdout, "deployment.apps/made configured\n", "{applied:?}");
    let names =
        rig.call("kubectl get deployment made -o jsonpath='{.spec.template.spec.containers[0].env[*].name}'").await;
    assert_eq!(names.stdout, "B MINE", "{names:?}");
}
