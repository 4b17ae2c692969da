// Package noprobe keeps Bubble Tea from asking the terminal for its background colour. Bubble Tea does so in an init,
// before main, and waits five seconds where nobody answers. Go initialises packages that are ready in the order of
// their import paths, and this one sorts before github.com/charmbracelet/bubbletea: the question is answered by then.
package noprobe

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
