{{- /* The operator's settings, as it reads them; one that says what it does anyway is left out. */ -}}
{{- define "clusterstate.operator.env" -}}
{{- $operator := .Values.operator -}}
{{- $lease := $operator.lease -}}
{{- if or (lt (int $lease.renewDeadline) (mul 2 $lease.retryPeriod | int)) (le (int $lease.duration) (int $lease.renewDeadline)) -}}
{{- fail "operator.lease: give a renewDeadline of at least two retryPeriods, and a longer duration" -}}
{{- end -}}
- name: CLUSTERSTATE_METRICS_ADDRESS
  value: {{ printf ":%d" (int $operator.port) | quote }}
- name: CLUSTERSTATE_LOG_LEVEL
  value: {{ $operator.logLevel }}
- name: CLUSTERSTATE_LOG_FORMAT
  value: {{ $operator.logFormat }}
- name: CLUSTERSTATE_WORKERS
  value: {{ int $operator.workers | quote }}
- name: CLUSTERSTATE_DELETION_TIMEOUT
  value: {{ int $operator.deletionTimeout | quote }}
- name: CLUSTERSTATE_SECRETS_RBAC
  value: {{ eq .Values.rbac.secrets "named" | ternary "named" "namespace" }}
- name: CLUSTERSTATE_LEADER_ELECTION
  value: "true"
- name: CLUSTERSTATE_LEASE_NAME
  value: {{ include "clusterstate.operator.name" . }}
- name: CLUSTERSTATE_SHARDS
  value: {{ int $operator.shards | quote }}
- name: CLUSTERSTATE_LEASE_DURATION
  value: {{ int $lease.duration | quote }}
- name: CLUSTERSTATE_LEASE_RENEW_DEADLINE
  value: {{ int $lease.renewDeadline | quote }}
- name: CLUSTERSTATE_LEASE_RETRY_PERIOD
  value: {{ int $lease.retryPeriod | quote }}
- name: TMPDIR
  value: /tmp
{{- if $operator.allowMemory }}
- name: CLUSTERSTATE_ALLOW_MEMORY
  value: "true"
{{- end }}
{{- if include "clusterstate.policy" . }}
- name: CLUSTERSTATE_POLICY
  value: /etc/clusterstate/policy.yaml
{{- end }}
{{- $lists := dict
    "NAMESPACES" $operator.namespaces
    "ALLOWED_ENDPOINTS" $operator.allowedEndpoints
    "FILE_ROOTS" $operator.fileRoots
    "TOKEN_URLS" $operator.tokenURLs
    "AFTER_PUSH_NAMESPACES" $operator.afterPushNamespaces }}
{{- range $name, $words := $lists }}
{{- with $words }}
- name: CLUSTERSTATE_{{ $name }}
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end -}}
