{{- define "clusterstate.nodeAgent.name" -}}
{{- printf "%s-node-agent" (.Release.Name | trunc 52 | trimSuffix "-") -}}
{{- end -}}

{{- define "clusterstate.nodeAgent.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: node-agent
{{- end -}}

{{- /* What all objects of the release have. */ -}}
{{- define "clusterstate.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "clusterstate.nodeAgent.labels" -}}
{{ include "clusterstate.nodeAgent.selector" . }}
{{ include "clusterstate.labels" . }}
{{- end -}}

{{- define "clusterstate.image" -}}
{{- $repository := required "image.repository: name the operator's image" .Values.image.repository -}}
{{- with .Values.image.digest -}}
{{- printf "%s@%s" $repository . -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* Where the mirrors are. */ -}}
{{- define "clusterstate.nodeAgent.namespace" -}}
{{- .Values.nodeAgent.config.namespace | default .Release.Namespace -}}
{{- end -}}

{{- /* The agent's configuration, as it reads it. */ -}}
{{- define "clusterstate.nodeAgent.config" -}}
{{- if not .Values.nodeAgent.config.sets -}}
{{- fail "nodeAgent.config.sets: name at least one set of files" -}}
{{- end -}}
{{- toYaml (merge (dict "namespace" (include "clusterstate.nodeAgent.namespace" .)) .Values.nodeAgent.config) -}}
{{- end -}}

{{- /* The operator's own name, and that of everything that it alone has. */ -}}
{{- define "clusterstate.operator.name" -}}
{{- printf "%s-operator" (.Release.Name | trunc 52 | trimSuffix "-") -}}
{{- end -}}

{{- /* Names of all Leases that its Pods may have: that of one shard, and those of two to sixteen. */ -}}
{{- define "clusterstate.operator.leases" -}}
{{- $name := include "clusterstate.operator.name" . -}}
{{- $names := list $name -}}
{{- range $count := untilStep 2 17 1 -}}
{{- range $number := until $count -}}
{{- $names = append $names (printf "%s-%d-of-%d" $name $number $count) -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{- define "clusterstate.operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "clusterstate.operator.labels" -}}
{{ include "clusterstate.operator.selector" . }}
{{ include "clusterstate.labels" . }}
{{- end -}}

{{- /* Those of the `helm test` Pod, which the operator's selector must not find. */ -}}
{{- define "clusterstate.test.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "clusterstate.operator.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "clusterstate.operator.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name: name the one that is there, since serviceAccount.create is off" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "clusterstate.pullSecrets" -}}
{{- range .Values.imagePullSecrets }}
- name: {{ . }}
{{- end }}
{{- end -}}

{{- define "clusterstate.operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "clusterstate.operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
