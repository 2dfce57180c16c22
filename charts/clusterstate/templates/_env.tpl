{{- /* The operator's settings, as it reads them; one that says what it does anyway is left out. */ -}}
{{- define "clusterstate.operator.env" -}}
{{- $operator := .Values.operator -}}
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
