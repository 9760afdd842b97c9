/* Whether lines of JSON have the shape of their table: one pass over their bytes.

   Lives here: walking blocks of lines along the fields that shape.py names. Not here: what is wrong with a line
   that is refused (lines.py, records.py). It stands for shape.py's regular expression, and like that it may
   refuse a good line but must never pass a bad one. What both leave to the parser: a comma too many at an end, names given
   twice, days such as 30 February, and whether text is UTF-8.

   Every block ends with a line end, and nothing here steps over one. So no function reads beyond the block, and
   only those that look at several bytes at once ask where it ends. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define JSON_DEPTH 3    /* Lists and objects within a value of free form, as in shape.py. */
#define SHORT_NUMBER 15 /* Significant digits that survive the way through a double (IEEE 754: DBL_DIG). */

typedef unsigned char Byte;
typedef struct Object Object;

typedef struct {
    int kind; /* One of shape.py's letters. */
    int is_list;
    const char *name; /* With its closing quote. */
    Py_ssize_t length;
    Object *inner;
} Field;

struct Object {
    Py_ssize_t count;
    Field fields[];
};

/* Each of these reads one thing, which begins at `at`, and gives where it ends, or NULL if it is not there. */

static const Byte *after_spaces(const Byte *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define ANY_BELOW(bytes, limit) (((bytes) - EACH(limit)) & ~(bytes) & EACH(0x80))

/* The rest of a string whose first quote was read. */
static const Byte *string(const Byte *at, const Byte *end)
{
    for (;;) {
        while (end - at >= 8) {
            uint64_t bytes;
            memcpy(&bytes, at, 8);
            if (ANY_BELOW(bytes, 0x20) | ANY_BELOW(bytes ^ EACH('"'), 1) | ANY_BELOW(bytes ^ EACH('\\'), 1))
                break;
            at += 8;
        }
        while (*at >= 0x20 && *at != '"' && *at != '\\')
            at++;
        if (*at == '"')
            return at + 1;
        if (*at != '\\' || at[1] == '\n')
            return NULL;
        at += 2;
    }
}

/* Digits, each at most that of a form such as 29:59, whose other characters stand for themselves. */
static const Byte *form(const Byte *at, const char *most)
{
    for (; *most; at++, most++)
        if (*most >= '0' && *most <= '9' ? *at < '0' || *at > (Byte)*most : *at != (Byte)*most)
            return NULL;
    return at;
}

static const Byte *day(const Byte *at)
{
    return *at == '0' ? NULL : form(at, "2999-99-99");
}

static const Byte *seconds(const Byte *at)
{
    int places = 0;
    if (!(at = form(at, "59")) || *at != '.')
        return at;
    while (*++at >= '0' && *at <= '9')
        places++;
    return places >= 1 && places <= 9 ? at : NULL;
}

static const Byte *offset(const Byte *at)
{
    if (*at == 'Z')
        return at + 1;
    if (*at != '+' && *at != '-')
        return at; /* None: it is UTC. */
    if (at[1] == '1' && at[2] > '4')
        return NULL;
    if (!(at = form(at + 1, "19")))
        return NULL;
    return form(*at == ':' ? at + 1 : at, "59");
}

static const Byte *instant(const Byte *at)
{
    if (!(at = day(at)) || *at != 'T')
        return at;
    if (at[1] == '2' && at[2] > '3')
        return NULL;
    if (!(at = form(at + 1, "29:59:")) || !(at = seconds(at)))
        return NULL;
    return offset(at);
}

static const Byte *short_number(const Byte *at, int has_point)
{
    int length = 0;
    if (*at == '-')
        at++;
    for (; (*at >= '0' && *at <= '9') || (has_point && *at == '.'); at++)
        length++;
    return length >= 1 && length <= SHORT_NUMBER ? at : NULL;
}

static const Byte *any_number(const Byte *at)
{
    if (*at == '-')
        at++;
    if (*at < '0' || *at > '9')
        return NULL;
    while ((*at >= '0' && *at <= '9') || *at == '.' || *at == '-' || *at == '+' || *at == 'e' || *at == 'E')
        at++;
    return at;
}

/* Past a comma, or at the bracket that closes. */
static const Byte *to_next(const Byte *at, Byte closing)
{
    if (*at == ',')
        return after_spaces(at + 1);
    return *at == closing ? at : NULL;
}

static const Byte *free_form(const Byte *at, const Byte *end, int has_long_numbers, int depth)
{
    Byte closing;

    switch (*at) {
    case '"':
        return string(at + 1, end);
    case 'n':
        return form(at, "null");
    case 't':
        return form(at, "true");
    case 'f':
        return form(at, "false");
    case '{':
        closing = '}';
        break;
    case '[':
        closing = ']';
        break;
    default:
        return has_long_numbers ? any_number(at) : short_number(at, 1);
    }
    if (!depth)
        return NULL;
    at = after_spaces(at + 1);
    while (*at != closing) {
        if (closing == '}') {
            if (*at != '"' || !(at = string(at + 1, end)) || *at != ':')
                return NULL;
            at = after_spaces(at + 1);
        }
        if (!(at = free_form(at, end, has_long_numbers, depth - 1)) || !(at = to_next(at, closing)))
            return NULL;
    }
    return at + 1;
}

static const Byte *object(const Byte *at, const Byte *end, const Object *shape);

static const Byte *single(const Byte *at, const Byte *end, const Field *field)
{
    if (*at == 'n')
        return form(at, "null");
    switch (field->kind) {
    case 's':
        return *at == '"' ? string(at + 1, end) : NULL;
    case 'n':
        return short_number(at, 1);
    case 'N':
        return any_number(at);
    case 'i':
        return short_number(at, 0);
    case 'u':
        return *at == '"' && (at = instant(at + 1)) && *at == '"' ? at + 1 : NULL;
    case 'd':
        return *at == '"' && (at = day(at + 1)) && *at == '"' ? at + 1 : NULL;
    case 'b':
        return form(at, *at == 't' ? "true" : "false");
    case 'o':
        return object(at, end, field->inner);
    case 'j':
        return free_form(at, end, 0, JSON_DEPTH);
    case 'J':
        return free_form(at, end, 1, JSON_DEPTH);
    default:
        return NULL;
    }
}

static const Byte *value(const Byte *at, const Byte *end, const Field *field)
{
    if (!field->is_list || *at == 'n')
        return single(at, end, field);
    if (*at != '[')
        return NULL;
    at = after_spaces(at + 1);
    while (*at != ']')
        if (!(at = single(at, end, field)) || !(at = to_next(at, ']')))
            return NULL;
    return at + 1;
}

/* The field of that name: mostly the one after the last. */
static const Field *field_at(const Byte *at, const Byte *end, const Object *shape, Py_ssize_t likely)
{
    for (Py_ssize_t tried = 0; tried < shape->count; tried++, likely++) {
        const Field *field = &shape->fields[likely < shape->count ? likely : likely - shape->count];
        if (*at == (Byte)*field->name && end - at > field->length
            && !memcmp(at, field->name, (size_t)field->length))
            return field;
    }
    return NULL;
}

static const Byte *object(const Byte *at, const Byte *end, const Object *shape)
{
    Py_ssize_t likely = 0;
    if (*at != '{')
        return NULL;
    at = after_spaces(at + 1);
    while (*at != '}') {
        const Field *field;
        if (*at != '"' || !(field = field_at(at + 1, end, shape, likely)))
            return NULL;
        likely = field - shape->fields + 1;
        at += 1 + field->length;
        if (*at != ':')
            return NULL;
        at = after_spaces(at + 1);
        if (!(at = value(at, end, field)) || !(at = to_next(at, '}')))
            return NULL;
    }
    return at + 1;
}

/* How many lines there are if all have the shape, else -1. */
static Py_ssize_t count_lines(const Byte *at, const Byte *end, const Object *shape)
{
    Py_ssize_t lines = 0;
    while (at < end) {
        if (!(at = object(after_spaces(at), end, shape)))
            return -1;
        while (*at == ' ' || *at == '\t' || *at == '\r')
            at++;
        if (*at++ != '\n')
            return -1;
        lines++;
    }
    return lines;
}

/* From and to Python. */

#define CAPSULE "mews_assets.shape"

static void free_object(Object *shape)
{
    for (Py_ssize_t at = 0; shape && at < shape->count; at++)
        free_object(shape->fields[at].inner);
    PyMem_Free(shape);
}

static void free_capsule(PyObject *capsule)
{
    free_object(PyCapsule_GetPointer(capsule, CAPSULE));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

/* The names stay those of the tuple, which must outlive what is made of it. */
static Object *read_object(PyObject *fields)
{
    Py_ssize_t count = PyTuple_Size(fields);
    Object *shape = PyMem_Calloc(1, sizeof(Object) + (size_t)count * sizeof(Field));
    if (!shape)
        return (Object *)PyErr_NoMemory();
    for (; shape->count < count; shape->count++) {
        Field *field = &shape->fields[shape->count];
        PyObject *inner;
        if (!PyArg_ParseTuple(PyTuple_GetItem(fields, shape->count), "y#CpO!", &field->name, &field->length,
                              &field->kind, &field->is_list, &PyTuple_Type, &inner)
            || !(field->inner = read_object(inner))) {
            free_object(shape);
            return NULL;
        }
    }
    return shape;
}

static PyObject *make_shape(PyObject *module, PyObject *args)
{
    PyObject *fields, *capsule;
    Object *shape;
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &fields) || !(shape = read_object(fields)))
        return NULL;
    if (!(capsule = PyCapsule_New(shape, CAPSULE, free_capsule))) {
        free_object(shape);
        return NULL;
    }
    Py_INCREF(fields);
    PyCapsule_SetContext(capsule, fields);
    return capsule;
}

static PyObject *count_lines_of(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    Py_buffer block;
    Py_ssize_t lines = -1;
    if (!PyArg_ParseTuple(args, "Oy*", &capsule, &block))
        return NULL;
    const Object *shape = PyCapsule_GetPointer(capsule, CAPSULE);
    const Byte *bytes = block.buf;
    if (shape && block.len && bytes[block.len - 1] == '\n') {
        Py_BEGIN_ALLOW_THREADS
        lines = count_lines(bytes, bytes + block.len, shape);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&block);
    return shape ? PyLong_FromSsize_t(lines) : NULL;
}

static PyMethodDef functions[] = {
    {"shape", make_shape, METH_VARARGS, NULL},
    {"count_lines", count_lines_of, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_scan", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scan(void)
{
    return PyModuleDef_Init(&definition);
}
