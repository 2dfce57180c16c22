{{- /* What the operator may do in each namespace that it watches. */ -}}
{{- define "clusterstate.rules" -}}
- apiGroups: [clusterstate.dev]
  resources: [clusterstates]
  verbs: [get, list, watch, patch]
- apiGroups: [clusterstate.dev]
  resources: [clusterstates/status]
  verbs: [patch]
{{- if eq .Values.rbac.secrets "all" }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- else }}
{{- with .Values.rbac.secretNames }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get, list, watch]
{{- end }}
{{- with .Values.rbac.configMapNames }}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: {{ toJson . }}
  verbs: [get, list, watch]
{{- end }}
{{- with .Values.rbac.mirrorNames }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get, update, delete]
# What is created can't be named.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
{{- end }}
{{- end }}
- apiGroups: [""]
  resources: [serviceaccounts, namespaces]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list, create, update, delete]
{{- end -}}

{{- /* What it may do besides in some namespaces only: in `namespace`, or where that is empty in all of them. */ -}}
{{- define "clusterstate.rules.some" -}}
{{- $rbac := .root.Values.rbac -}}
{{- if include "clusterstate.granted" (dict "globs" $rbac.serviceAccountTokens "namespace" .namespace) }}
- apiGroups: [""]
  resources: [serviceaccounts/token]
  verbs: [create]
{{- end }}
{{- if include "clusterstate.granted" (dict "globs" $rbac.restarts "namespace" .namespace) }}
- apiGroups: [apps]
  resources: [deployments, daemonsets, statefulsets]
  verbs: [get, patch]
{{- end }}
{{- if include "clusterstate.granted" (dict "globs" .root.Values.operator.afterPushNamespaces "namespace" .namespace) }}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, create, patch]
{{- end }}
{{- end -}}

{{- /* Whether one of the globs is that of the namespace; without a namespace: whether one is a pattern, which no Role
       of single namespaces can follow. */ -}}
{{- define "clusterstate.granted" -}}
{{- range .globs -}}
{{- $pattern := printf "^%s$" (regexQuoteMeta . | replace "\\*" ".*" | replace "\\?" ".") -}}
{{- if empty $.namespace | ternary (regexMatch "[*?]" .) (regexMatch $pattern $.namespace) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}
