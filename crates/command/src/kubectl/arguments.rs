//! The arguments that each kubectl verb knows, read from the help of kubectl v1.32.
//!
//! An argument that is not here is unknown to kubectl too, or too new to judge, and counts against the caller.

/// Arguments that every verb takes.
pub(super) const EVERYWHERE: &str = "as= as-group* as-uid= cache-dir= certificate-authority= client-certificate= \
    client-key= cluster= context= disable-compression? help,h? insecure-skip-tls-verify? kubeconfig= \
    log-flush-frequency~ match-server-version? namespace,n= password= profile= profile-output= request-timeout= \
    server,s= tls-server-name= token= user= username= v,v# vmodule= warnings-as-errors?";

/// What `@print` stands for in [`VERBS`].
pub(super) const PRINT: &str = "allow-missing-template-keys? output,o= show-managed-fields? template=";

/// What `@files` stands for in [`VERBS`].
pub(super) const FILES: &str = "filename,f* kustomize,k= recursive,R?";

/// Each verb with its own arguments, in words: the long name, then `,x` for a short one, then what follows it:
/// `?` a switch, `=` a text, `#` a whole number, `~` a duration, `*` a list. A word after `=` is the value of the
/// argument given without one. Sorted by verb.
pub(super) const VERBS: &[(&str, &str)] = &[
    (
        "annotate",
        "@print @files all? all-namespaces,A? dry-run=unchanged field-manager= field-selector= list? local? \
         overwrite? resource-version= selector,l= record?",
    ),
    ("api-resources", "api-group= cached? categories* namespaced? no-headers? output,o= sort-by= verbs*"),
    ("api-versions", ""),
    (
        "apply",
        "@print @files all? cascade=background dry-run=unchanged field-manager= force? force-conflicts? \
         grace-period# openapi-patch? overwrite? prune? prune-allowlist* selector,l= server-side? \
         subresource= timeout~ validate=strict wait? record?",
    ),
    ("apply edit-last-applied", "@print @files field-manager= validate=strict windows-line-endings?"),
    ("apply set-last-applied", "@print create-annotation? dry-run=unchanged filename,f*"),
    ("apply view-last-applied", "@files all? output,o= selector,l="),
    ("attach", "container,c= pod-running-timeout~ quiet,q? stdin,i? tty,t?"),
    ("auth can-i", "all-namespaces,A? list? no-headers? quiet,q? subresource="),
    ("auth reconcile", "@print @files dry-run=unchanged remove-extra-permissions? remove-extra-subjects?"),
    ("auth whoami", "@print"),
    ("autoscale", "@print @files cpu-percent# dry-run=unchanged field-manager= max# min# name= save-config? record?"),
    ("certificate approve", "@print @files force?"),
    ("certificate deny", "@print @files force?"),
    ("cluster-info", ""),
    ("cluster-info dump", "@print all-namespaces,A? namespaces* output-directory= pod-running-timeout~"),
    ("cordon", "dry-run=unchanged selector,l="),
    (
        "create",
        "@print @files dry-run=unchanged edit? field-manager= raw= save-config? selector,l= validate=strict \
         windows-line-endings? record?",
    ),
    (
        "create clusterrole",
        "@print aggregation-rule= dry-run=unchanged field-manager= non-resource-url* resource* resource-name* \
         save-config? validate=strict verb*",
    ),
    (
        "create clusterrolebinding",
        "@print clusterrole= dry-run=unchanged field-manager= group* save-config? serviceaccount* user* \
         validate=strict",
    ),
    (
        "create configmap",
        "@print append-hash? dry-run=unchanged field-manager= from-env-file* from-file* from-literal* \
         save-config? validate=strict",
    ),
    (
        "create cronjob",
        "@print dry-run=unchanged field-manager= image= restart= save-config? schedule= validate=strict",
    ),
    (
        "create deployment",
        "@print dry-run=unchanged field-manager= image* port# replicas,r# save-config? validate=strict",
    ),
    (
        "create ingress",
        "@print annotation* class= default-backend= dry-run=unchanged field-manager= rule* save-config? \
         validate=strict",
    ),
    ("create job", "@print dry-run=unchanged field-manager= from= image= save-config? validate=strict"),
    ("create namespace", "@print dry-run=unchanged field-manager= save-config? validate=strict"),
    (
        "create poddisruptionbudget",
        "@print dry-run=unchanged field-manager= max-unavailable= min-available= save-config? selector= \
         validate=strict",
    ),
    (
        "create priorityclass",
        "@print description= dry-run=unchanged field-manager= global-default? preemption-policy= save-config? \
         validate=strict value#",
    ),
    ("create quota", "@print dry-run=unchanged field-manager= hard= save-config? scopes= validate=strict"),
    (
        "create role",
        "@print dry-run=unchanged field-manager= resource* resource-name* save-config? validate=strict verb*",
    ),
    (
        "create rolebinding",
        "@print clusterrole= dry-run=unchanged field-manager= group* role= save-config? serviceaccount* user* \
         validate=strict",
    ),
    (
        "create secret docker-registry",
        "@print append-hash? docker-email= docker-password= docker-server= docker-username= dry-run=unchanged \
         field-manager= from-file* save-config? validate=strict",
    ),
    (
        "create secret generic",
        "@print append-hash? dry-run=unchanged field-manager= from-env-file* from-file* from-literal* \
         save-config? type= validate=strict",
    ),
    (
        "create secret tls",
        "@print append-hash? cert= dry-run=unchanged field-manager= key= save-config? validate=strict",
    ),
    (
        "create service clusterip",
        "@print clusterip= dry-run=unchanged field-manager= save-config? tcp* validate=strict",
    ),
    (
        "create service externalname",
        "@print dry-run=unchanged external-name= field-manager= save-config? tcp* validate=strict",
    ),
    ("create service loadbalancer", "@print dry-run=unchanged field-manager= save-config? tcp* validate=strict"),
    ("create service nodeport", "@print dry-run=unchanged field-manager= node-port# save-config? tcp* validate=strict"),
    ("create serviceaccount", "@print dry-run=unchanged field-manager= save-config? validate=strict"),
    ("create token", "@print audience* bound-object-kind= bound-object-name= bound-object-uid= duration~"),
    (
        "debug",
        "arguments-only? attach? container,c= copy-to= custom= env* filename,f* image= image-pull-policy= \
         keep-annotations? keep-init-containers? keep-labels? keep-liveness? keep-readiness? keep-startup? \
         profile= quiet,q? replace? same-node? set-image* share-processes? stdin,i? target= tty,t?",
    ),
    (
        "delete",
        "@files all? all-namespaces,A? cascade=background dry-run=unchanged field-selector= force? \
         grace-period# ignore-not-found? interactive,i? now? output,o= raw= selector,l= timeout~ wait?",
    ),
    ("describe", "@files all-namespaces,A? chunk-size# selector,l= show-events?"),
    (
        "diff",
        "@files concurrency# field-manager= force-conflicts? prune? prune-allowlist* selector,l= server-side? \
         show-managed-fields?",
    ),
    (
        "drain",
        "chunk-size# delete-emptydir-data? disable-eviction? dry-run=unchanged force? grace-period# \
         ignore-daemonsets? pod-selector= selector,l= skip-wait-for-delete-timeout# timeout~",
    ),
    (
        "edit",
        "@print @files field-manager= output-patch? save-config? subresource= validate=strict \
         windows-line-endings? record?",
    ),
    ("events", "@print all-namespaces,A? chunk-size# for= no-headers? types* watch,w?"),
    ("exec", "container,c= filename,f* pod-running-timeout~ quiet,q? stdin,i? tty,t?"),
    ("explain", "api-version= output,o= recursive?"),
    (
        "expose",
        "@print @files cluster-ip= dry-run=unchanged external-ip= field-manager= labels,l= load-balancer-ip= \
         name= override-type= overrides= port= protocol= save-config? selector= session-affinity= \
         target-port= type= record?",
    ),
    (
        "get",
        "@print @files all-namespaces,A? chunk-size# field-selector= ignore-not-found? label-columns,L* \
         no-headers? output-watch-events? raw= selector,l= server-print? show-kind? show-labels? sort-by= \
         subresource= watch,w? watch-only?",
    ),
    (
        "kustomize",
        "as-current-user? enable-alpha-plugins? enable-helm? env,e* helm-api-versions* helm-command= \
         helm-debug? helm-kube-version= load-restrictor= mount* network? network-name= output,o=",
    ),
    (
        "label",
        "@print @files all? all-namespaces,A? dry-run=unchanged field-manager= field-selector= list? local? \
         overwrite? resource-version= selector,l= record?",
    ),
    (
        "logs",
        "all-containers? all-pods? container,c= follow,f? ignore-errors? insecure-skip-tls-verify-backend? \
         limit-bytes# max-log-requests# pod-running-timeout~ prefix? previous,p? selector,l= since~ \
         since-time= tail# timestamps?",
    ),
    (
        "patch",
        "@print @files dry-run=unchanged field-manager= local? patch,p= patch-file= subresource= type= \
         record?",
    ),
    ("port-forward", "address= pod-running-timeout~"),
    (
        "replace",
        "@print @files cascade=background dry-run=unchanged field-manager= force? grace-period# raw= \
         save-config? subresource= timeout~ validate=strict wait? record?",
    ),
    ("rollout history", "@print @files revision# selector,l="),
    ("rollout pause", "@print @files field-manager= selector,l="),
    ("rollout restart", "@print @files field-manager= selector,l="),
    ("rollout resume", "@print @files field-manager= selector,l="),
    ("rollout status", "@files revision# selector,l= timeout~ watch,w?"),
    ("rollout undo", "@print @files dry-run=unchanged selector,l= to-revision#"),
    (
        "run",
        "@print @files annotations* attach? cascade=background command? dry-run=unchanged env* expose? \
         field-manager= force? grace-period# image= image-pull-policy= labels,l= leave-stdin-open? \
         override-type= overrides= pod-running-timeout~ port= privileged? quiet,q? restart= rm? save-config? \
         stdin,i? timeout~ tty,t? wait? record?",
    ),
    (
        "scale",
        "@print @files all? current-replicas# dry-run=unchanged replicas# resource-version= selector,l= \
         timeout~ record?",
    ),
    (
        "set env",
        "@print @files all? containers,c= dry-run=unchanged env,e* field-manager= from= keys* list? local? \
         overwrite? prefix= resolve? selector,l= record?",
    ),
    ("set image", "@print @files all? dry-run=unchanged field-manager= local? selector,l= record?"),
    (
        "set resources",
        "@print @files all? containers,c= dry-run=unchanged field-manager= limits= local? requests= \
         selector,l= record?",
    ),
    (
        "set selector",
        "@print all? dry-run=unchanged field-manager= filename,f* local? recursive,R? resource-version= \
         record?",
    ),
    ("set serviceaccount", "@print @files all? dry-run=unchanged field-manager= local? record?"),
    (
        "set subject",
        "@print @files all? dry-run=unchanged field-manager= group* local? selector,l= serviceaccount* user*",
    ),
    ("taint", "@print all? dry-run=unchanged field-manager= overwrite? selector,l= validate=strict"),
    ("top node", "no-headers? selector,l= show-capacity? sort-by= use-protocol-buffers?"),
    (
        "top pod",
        "all-namespaces,A? containers? field-selector= no-headers? selector,l= sort-by= sum? \
         use-protocol-buffers?",
    ),
    ("uncordon", "dry-run=unchanged selector,l="),
    ("version", "client? output,o="),
    (
        "wait",
        "@print all? all-namespaces,A? field-selector= filename,f* for= local? recursive,R? selector,l= \
         timeout~",
    ),
];
