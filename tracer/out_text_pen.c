/* SPDX-License-Identifier: GPL-2.0-only */
/* The pen: colour, width and symbols of the text printer in one place. */
#include <langinfo.h>
#include <string.h>

#include "tracer/out_text.h"
#include "tracer/word.h"

#define WIDTH_DEFAULT	99
#define WIDTH_LEAST	60

void pen_open(struct pen *p, FILE *f, struct arena *a, const struct out_options *o)
{
	*p = (struct pen){
		.f = f, .a = a, .color = o->color, .rail = "",
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.width = !o->width ? WIDTH_DEFAULT : o->width < WIDTH_LEAST ? WIDTH_LEAST : o->width,
	};
}

const char *pen_symbol(const struct pen *p, enum symbol s)
{
	static const char *const symbols[][2] = {
		[SYM_GOOD] = { "ok", "✔" }, [SYM_BAD] = { "!!", "✘" }, [SYM_DOUBT] = { "??", "?" },
		[SYM_ARROW] = { "->", "→" }, [SYM_DOT] = { "-", "·" }, [SYM_MORE] = { "...", "…" },
		[SYM_FORK] = { "|- ", "├─ " }, [SYM_LAST] = { "`- ", "└─ " }, [SYM_RAIL] = { "|  ", "│  " },
		[SYM_TIMES] = { "x", "×" },
	};

	return symbols[s][p->utf8];
}

static const char *escape(const struct pen *p, enum style style)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m", [STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[1;31m", [STYLE_DOUBT] = "\033[33m", [STYLE_NAME] = "\033[36m",
	};

	return p->color ? codes[style] : "";
}

/* What others put into words outside ASCII, for a terminal that has only that. */
static const char *to_ascii(struct arena *a, const char *s)
{
	static const struct { const char *from, *to; } rows[] = {
		{ "→", "->" }, { "…", "..." }, { "✔", "ok" }, { "✘", "!!" }, { "×", "x" }, { "·", "-" }, { "–", "-" },
	};
	struct text t = { .arena = a };

	while (*s) {
		size_t i = 0, len = 1;

		while (i < ARRAY_SIZE(rows) && strncmp(s, rows[i].from, strlen(rows[i].from)))
			i++;
		if (i < ARRAY_SIZE(rows)) {
			text_add(&t, "%s", rows[i].to);
			len = strlen(rows[i].from);
		} else if (!((unsigned char)*s & 0x80)) {
			text_add(&t, "%c", *s);
		} else if (((unsigned char)*s & 0xc0) != 0x80) {
			text_add(&t, "?");
		}
		s += len;
	}
	return text_get(&t);
}

static const char *fit(const struct pen *p, const char *text)
{
	text = word_clean(p->a, text);
	return p->utf8 ? text : to_ascii(p->a, text);
}

/* What the rail left open is written when the line gets its first word, so that empty lines carry no blanks. */
static void begin(struct pen *p)
{
	if (p->column || !*p->rail)
		return;
	fprintf(p->f, "%s%s%s", escape(p, STYLE_DIM), p->rail, p->color ? "\033[0m" : "");
	p->column = word_width(p->rail);
}

static void emit(struct pen *p, enum style style, const char *text, size_t len)
{
	const char *code = escape(p, style);

	begin(p);
	fprintf(p->f, "%s%.*s%s", code, (int)len, text, *code ? "\033[0m" : "");
	for (size_t i = 0; i < len; i++)
		p->column += ((unsigned char)text[i] & 0xc0) != 0x80;
}

void pen_put(struct pen *p, enum style style, const char *text)
{
	text = fit(p, text);
	if (*text)
		emit(p, style, text, strlen(text));
}

void pen_printf(struct pen *p, enum style style, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(p->a, fmt, ap);
	va_end(ap);
	pen_put(p, style, text);
}

void pen_to(struct pen *p, unsigned column)
{
	unsigned start = word_width(p->rail);

	column += start;
	begin(p);
	do {
		if (p->column >= column && p->column == start)
			break;
		fputc(' ', p->f);
		p->column++;
	} while (p->column < column);
}

void pen_end(struct pen *p)
{
	fputc('\n', p->f);
	p->column = 0;
}

static unsigned width_of(const char *s, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

void pen_wrap(struct pen *p, enum style style, unsigned hang, const char *text)
{
	unsigned start = word_width(p->rail) + hang;

	text = fit(p, text);
	while (*text) {
		size_t blanks = strspn(text, " \t");
		size_t len = strcspn(text + blanks, " \t\n");
		bool full = p->column > start && p->column + blanks + width_of(text + blanks, len) > p->width;

		if (full || (!len && text[blanks] == '\n'))
			pen_end(p);
		if (!len) {
			text += blanks + (text[blanks] == '\n');
			continue;
		}
		if (!p->column)
			pen_to(p, hang);
		if (blanks && !full)
			emit(p, STYLE_PLAIN, text, blanks);
		emit(p, style, text + blanks, len);
		text += blanks + len;
	}
}
