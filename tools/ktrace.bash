# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of ktrace's command line; service names come from nowhere but the words typed.

_ktrace()
{
	local cur prev options
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()

	if [[ ${COMP_WORDS[1]-} == snapshot ]]; then
		case $prev in
		-o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		*) mapfile -t COMPREPLY < <(compgen -W '-o --output --help' -- "$cur") ;;
		esac
		return
	fi

	case $prev in
	--to)
		mapfile -t COMPREPLY < <(compgen -W 'svc/ nodeport/ pod/' -- "$cur")
		compopt -o nospace
		return ;;
	--from)
		if [[ $cur == netns/* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(ip netns list 2>/dev/null | sed 's|^\([^ ]*\).*|netns/\1|')" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W 'node pod/ netns/ pid/' -- "$cur")
			[[ ${COMPREPLY[0]-} == */ ]] && compopt -o nospace
		fi
		return ;;
	--in | --objects | --kubeconfig | --write)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur")
		return ;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return ;;
	-n | --namespace | --sport | --mark | --uid | --tos | --duration | --count)
		return ;;
	esac

	case ${COMP_WORDS[1]-} in
	watch) options='--to --from --namespace --objects --kubeconfig --output --all --exact -1 --duration --count --write --color --help' ;;
	drops) options='--to --namespace --objects --kubeconfig --output --duration --count --write --color --help' ;;
	*) options='--to --from --namespace --sport --mark --uid --tos --in --objects --kubeconfig --output --all --send --write --color --help --version' ;;
	esac
	((COMP_CWORD == 1)) && options="$options watch drops snapshot"
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}

complete -F _ktrace ktrace
