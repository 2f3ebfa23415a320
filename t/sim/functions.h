/*
 * functions.h - the stack's functions, told as they are entered. Host world.
 */
#ifndef T_SIM_FUNCTIONS_H
#define T_SIM_FUNCTIONS_H

/* From now on those of the list (patterns, by commas) are told; NULL: all but helpers. Exits if
 * not. */
void functions_trace(const char *list);
void functions_begin(void);
void functions_end(void);

/* What stands before a function that nobody of the told ones called; its width. main.c's. */
void functions_head(void);
extern int functions_head_width;

#endif
