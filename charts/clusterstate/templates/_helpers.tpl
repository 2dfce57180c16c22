{{- define "clusterstate.nodeAgent.name" -}}
{{- printf "%s-node-agent" (.Release.Name | trunc 52 | trimSuffix "-") -}}
{{- end -}}

{{- define "clusterstate.nodeAgent.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: node-agent
{{- end -}}

{{- define "clusterstate.nodeAgent.labels" -}}
{{ include "clusterstate.nodeAgent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
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
