"""Traits that are not implemented, not asked for or asked for wrongly: E0046, E0107, E0277, E0282, E0369."""

from collections.abc import Iterator

from tree_sitter import Node

from .code import Code, Edit, after, before, delete, elements, item_of_list, replace, without_line
from .registry import Break, operator

_DERIVED = ("Debug", "Clone", "Copy", "PartialEq", "Eq", "Hash", "Default", "PartialOrd", "Ord")
_OTHER_TRAIT = {
    "Display": "Debug",
    "Debug": "Display",
    "Clone": "Copy",
    "Copy": "Clone",
    "PartialEq": "PartialOrd",
    "Eq": "Ord",
    "PartialOrd": "PartialEq",
    "Ord": "Eq",
    "Fn": "FnOnce",
    "FnMut": "Fn",
    "FnOnce": "FnMut",
    "Add": "Sub",
    "Iterator": "IntoIterator",
    "IntoIterator": "Iterator",
    "Send": "Sync",
    "AsRef": "From",
    "Into": "From",
    "From": "Into",
    "Hash": "Eq",
    "Default": "Clone",
    "Write": "Read",
    "Read": "Write",
}


@operator(7.0)
def bound_forgotten(code: Code) -> Iterator[Break]:
    """`T: Display` → `T`, and one of `T: Display + Clone`."""
    for bounds in code.all("trait_bounds"):
        inside = [node for node in elements(bounds) if node.type != "lifetime"]
        if code.parent_kind(bounds) == "trait_item":
            continue
        if len(elements(bounds)) == 1 and inside:
            if code.parent_kind(bounds) != "where_predicate":
                yield delete(bounds)
            continue
        yield from _each_of_sum(bounds)


def _each_of_sum(bounds: Node) -> Iterator[Edit]:
    inside = elements(bounds)
    for place, bound in enumerate(inside):
        if bound.type == "lifetime":
            continue
        if place > 0:
            yield Edit(inside[place - 1].end_byte, bound.end_byte, b"")
        elif len(inside) > 1:
            yield Edit(bound.start_byte, inside[1].start_byte, b"")


@operator(4.0)
def where_forgotten(code: Code) -> Iterator[Break]:
    """A `where` clause is gone, or one of its lines."""
    for clause in code.all("where_clause"):
        inside = elements(clause)
        yield delete(clause)
        if len(inside) > 1:
            for predicate in inside:
                if edit := item_of_list(code, predicate):
                    yield edit


@operator(9.0)
def derive_forgotten(code: Code) -> Iterator[Break]:
    """One of `#[derive(…)]` is gone, or the whole attribute."""
    for attribute in code.all("attribute_item"):
        names = [node for node in _derived(code, attribute) if code.text(node) in _DERIVED]
        if len(names) == 1:
            yield without_line(code, attribute)
        elif names:
            for name in names:
                if edit := item_of_list(code, name):
                    yield edit


def _derived(code: Code, attribute: Node) -> list[Node]:
    if not code.text(attribute).startswith("#[derive("):
        return []
    inside = attribute.named_children[0].child_by_field_name("arguments")
    return [] if inside is None else [node for node in inside.named_children if node.type == "identifier"]


@operator(2.0)
def derive_twice(code: Code) -> Iterator[Break]:
    """A trait is derived twice, or derived where it is implemented by hand."""
    for attribute in code.all("attribute_item"):
        names = _derived(code, attribute)
        if names:
            yield after(names[-1], f", {code.text(names[0])}")
            for implementation in code.all("impl_item"):
                trait = code.text(implementation.child_by_field_name("trait")).rpartition("::")[2]
                if trait in _DERIVED and trait not in [code.text(name) for name in names]:
                    yield after(names[-1], f", {trait}")


@operator(3.0)
def derive_impossible(code: Code) -> Iterator[Break]:
    """`Copy`, `Eq`, `Hash` or `Default` is derived though a field is not."""
    for attribute in code.all("attribute_item"):
        names = _derived(code, attribute)
        present = [code.text(name) for name in names]
        missing = [name for name in ("Copy", "Eq", "Hash", "Default", "Ord") if name not in present]
        if names and missing:
            yield after(names[-1], f", {missing[code.luck(attribute) % len(missing)]}")


@operator(7.0)
def impl_item_forgotten(code: Code) -> Iterator[Break]:
    """A method, type or constant of an `impl Trait` is gone."""
    for implementation in code.all("impl_item"):
        body = implementation.child_by_field_name("body")
        if implementation.child_by_field_name("trait") is None or body is None:
            continue
        for item in elements(body):
            if item.end_byte - item.start_byte < 250:
                yield without_line(code, item)


@operator(3.0)
def impl_item_renamed(code: Code) -> Iterator[Break]:
    """An `impl Trait` has a method that the trait does not know."""
    for function in code.all("function_item"):
        implementation = code.parent(code.parent(function))
        name = function.child_by_field_name("name")
        if (
            implementation.type == "impl_item"
            and implementation.child_by_field_name("trait")
            and name is not None
        ):
            text = code.text(name)
            yield replace(name, (f"{text}_", f"get_{text}", f"{text}s", f"do_{text}")[code.luck(name) % 4])


@operator(4.0)
def impl_signature_differs(code: Code) -> Iterator[Break]:
    """A method's self, parameters or result are not those of its trait."""
    for function in code.all("function_item"):
        implementation = code.parent(code.parent(function))
        if implementation.type != "impl_item" or implementation.child_by_field_name("trait") is None:
            continue
        parameters, result = (
            function.child_by_field_name("parameters"),
            function.child_by_field_name("return_type"),
        )
        for parameter in elements(parameters):
            if parameter.type == "self_parameter":
                text = code.text(parameter)
                others = [form for form in ("self", "&self", "&mut self") if form != text]
                yield replace(parameter, others[code.luck(parameter) % 2])
                if edit := item_of_list(code, parameter):
                    yield edit
            elif (kind := parameter.child_by_field_name("type")) is not None:
                if kind.type == "reference_type" and (inner := kind.child_by_field_name("type")):
                    yield replace(kind, code.text(inner))
                else:
                    yield before(kind, "&")
                if edit := item_of_list(code, parameter):
                    yield edit
        if result is not None and parameters is not None:
            yield Edit(parameters.end_byte, result.end_byte, b"")


@operator(2.0)
def trait_impl_forgotten(code: Code) -> Iterator[Break]:
    """A small `impl Trait for T` is gone."""
    for implementation in code.all("impl_item"):
        size = implementation.end_byte - implementation.start_byte
        if implementation.child_by_field_name("trait") is not None and size < 220:
            yield without_line(code, implementation)


@operator(3.0)
def dyn_forgotten(code: Code) -> Iterator[Break]:
    """`Box<dyn Trait>` → `Box<Trait>`."""
    for kind in code.all("dynamic_type"):
        token = kind.children[0]
        if following := code.next(token):
            yield Edit(token.start_byte, following.start_byte, b"")


@operator(2.0)
def impl_keyword_forgotten(code: Code) -> Iterator[Break]:
    """`x: impl Trait` → `x: Trait`, or `dyn` in its place."""
    for kind in code.all("abstract_type"):
        token = kind.children[0]
        if following := code.next(token):
            yield Edit(token.start_byte, following.start_byte, b"")
            yield replace(token, "dyn")


@operator(2.0)
def trait_object_unsized(code: Code) -> Iterator[Break]:
    """`Box<dyn Trait>` and `&dyn Trait` → `dyn Trait`."""
    for kind in code.all("dynamic_type"):
        around = code.inside(kind, "generic_type", "reference_type")
        if around is not None and around.end_byte - kind.end_byte <= 1:
            yield replace(around, code.text(kind))


@operator(2.0)
def supertrait_forgotten(code: Code) -> Iterator[Break]:
    """`trait A: B` → `trait A`."""
    for trait in code.all("trait_item"):
        bounds = trait.child_by_field_name("bounds")
        if bounds is not None:
            yield delete(bounds)


@operator(4.0)
def other_trait(code: Code) -> Iterator[Break]:
    """`T: Display` → `T: Debug`: a trait that is near, but not it."""
    for bounds in code.all("trait_bounds"):
        for bound in elements(bounds):
            name = bound.child_by_field_name("type") if bound.type == "generic_type" else bound
            if name is not None and code.text(name) in _OTHER_TRAIT:
                yield replace(name, _OTHER_TRAIT[code.text(name)])


@operator(5.0)
def wrong_format(code: Code) -> Iterator[Break]:
    """`{:?}` → `{}`: what has no Display is displayed."""
    for literal in code.all("string_literal"):
        text = code.text(literal)
        at = text.find(":?}")
        if at > 0:
            start = literal.start_byte + len(text[:at].encode())
            yield Edit(start, start + 2, b"")
        elif (at := text.find(":#?}")) > 0:
            start = literal.start_byte + len(text[:at].encode())
            yield Edit(start, start + 3, b"")


@operator(3.0)
def display_to_debug(code: Code) -> Iterator[Break]:
    """`{}` → `{:?}`: what has no Debug is debugged."""
    for literal in code.all("string_literal"):
        text = code.text(literal)
        at = text.find("{}")
        if at > 0:
            start = literal.start_byte + len(text[:at].encode()) + 1
            yield Edit(start, start, b":?")


@operator(3.0)
def not_sendable(code: Code) -> Iterator[Break]:
    """`Arc` → `Rc`, `Mutex` → `RefCell`, everywhere or in one place."""
    for good, bad in (("Arc", "Rc"), ("Mutex", "RefCell"), ("Rc", "Arc"), ("RwLock", "RefCell")):
        places = [node for node in code.all("identifier", "type_identifier") if code.text(node) == good]
        if len(places) > 1:
            yield tuple(replace(node, bad) for node in places)
            yield replace(places[-1], bad)


@operator(4.0)
def type_argument_forgotten(code: Code) -> Iterator[Break]:
    """`Vec<T>` → `Vec`, `HashMap<K, V>` → `HashMap<K>`."""
    for arguments in code.all("type_arguments"):
        if code.parent_kind(arguments) != "generic_type":
            continue
        inside = elements(arguments)
        yield delete(arguments)
        if len(inside) > 1 and (edit := item_of_list(code, inside[-1])):
            yield edit


@operator(3.0)
def type_argument_too_many(code: Code) -> Iterator[Break]:
    """`Option<T>` → `Option<T, E>`."""
    extra = ("i32", "String", "T", "()", "usize")
    for arguments in code.all("type_arguments"):
        inside = elements(arguments)
        if inside and code.parent_kind(arguments) in ("generic_type", "generic_function"):
            yield after(inside[-1], f", {extra[code.luck(arguments) % len(extra)]}")


@operator(2.0)
def type_argument_unexpected(code: Code) -> Iterator[Break]:
    """`String` → `String<u8>`."""
    for node in code.all("type_identifier", "primitive_type"):
        if code.parent_kind(node) in ("parameter", "field_declaration", "let_declaration", "function_item"):
            name = code.parent(node).child_by_field_name("name")
            if name is None or name.id != node.id:
                yield after(node, "<T>" if code.luck(node) % 2 else "<i32>")


@operator(6.0)
def turbofish_forgotten(code: Code) -> Iterator[Break]:
    """`parse::<i32>()` → `parse()`."""
    for function in code.all("generic_function"):
        name = function.child_by_field_name("function")
        if name is not None:
            yield Edit(name.end_byte, function.end_byte, b"")
    for path in code.all("generic_type_with_turbofish"):
        kind = path.child_by_field_name("type")
        if kind is not None:
            yield Edit(kind.end_byte, path.end_byte, b"")


@operator(6.0)
def annotation_forgotten(code: Code) -> Iterator[Break]:
    """`let x: Vec<u8> = …` → `let x = …`."""
    for declaration in code.all("let_declaration"):
        pattern, kind = declaration.child_by_field_name("pattern"), declaration.child_by_field_name("type")
        if pattern is not None and kind is not None:
            yield Edit(pattern.end_byte, kind.end_byte, b"")


@operator(3.0)
def generic_not_declared(code: Code) -> Iterator[Break]:
    """`impl<T> S<T>` → `impl S<T>`, `fn f<T>(…)` → `fn f(…)`."""
    for parameter in code.all("type_parameter", "const_parameter"):
        around = code.parent(parameter)
        edit = item_of_list(code, parameter) if len(elements(around)) > 1 else delete(around)
        if edit is not None:
            yield edit


@operator(3.0)
def generic_unused(code: Code) -> Iterator[Break]:
    """`struct S { … }` → `struct S<T> { … }`, `impl S` → `impl<T> S`."""
    for item in code.all("struct_item", "enum_item"):
        name = item.child_by_field_name("name")
        if name is not None and item.child_by_field_name("type_parameters") is None:
            yield after(name, "<T>" if code.luck(name) % 3 else "<'a>")
    for implementation in code.all("impl_item"):
        if implementation.child_by_field_name("type_parameters") is None:
            yield after(
                implementation.children[0]
                if implementation.children[0].type == "impl"
                else implementation.children[1],
                "<T>",
            )


@operator(2.0)
def marker_forgotten(code: Code) -> Iterator[Break]:
    """`_marker: PhantomData<T>` is gone from the struct."""
    for field in code.all("field_declaration"):
        if "PhantomData" in code.text(field) and (edit := item_of_list(code, field)):
            yield edit


@operator(3.0)
def associated_type_unbound(code: Code) -> Iterator[Break]:
    """`Iterator<Item = T>` → `Iterator`; or a wrong name or type for Item."""
    for binding in code.all("type_binding"):
        arguments, name = code.parent(binding), binding.child_by_field_name("name")
        if len(elements(arguments)) == 1:
            yield delete(arguments)
        kind = binding.child_by_field_name("type")
        if name is not None and kind is not None:
            yield replace(name, "Output" if code.text(name) == "Item" else "Item")
            yield replace(kind, "String" if code.text(kind) != "String" else "i32")
            yield Edit(name.start_byte, kind.start_byte, b"")


@operator(3.0)
def self_type_forgotten(code: Code) -> Iterator[Break]:
    """`Self::Item` → `Item`."""
    for path in code.all("scoped_type_identifier"):
        name = path.child_by_field_name("name")
        if code.text(path).startswith("Self::") and name is not None:
            yield replace(path, code.text(name))


@operator(3.0)
def unsized_value(code: Code) -> Iterator[Break]:
    """`&str` → `str`, `&[T]` → `[T]`, `Box<[T]>` → `[T]`."""
    for reference in code.all("reference_type"):
        inner = reference.child_by_field_name("type")
        if inner is not None and (code.text(inner) == "str" or inner.type == "array_type"):
            yield replace(reference, code.text(inner))


@operator(2.0)
def sized_relaxation_forgotten(code: Code) -> Iterator[Break]:
    """`T: ?Sized` → `T`."""
    for bound in code.all("removed_trait_bound"):
        bounds = code.parent(bound)
        if len(elements(bounds)) == 1:
            yield delete(bounds)


@operator(3.0)
def not_object_safe(code: Code) -> Iterator[Break]:
    """A trait used as `dyn` gets a generic method, one without self or one that returns Self."""
    objects = {
        code.text(kind.child_by_field_name("trait")).split("<")[0] for kind in code.all("dynamic_type")
    }
    forms = ("fn clone_me(&self) -> Self;", "fn create() -> Self;", "fn visit<V>(&self, visitor: V) {}")
    for trait in code.all("trait_item"):
        body = trait.child_by_field_name("body")
        if body is not None and code.text(trait.child_by_field_name("name")) in objects:
            form = forms[code.luck(trait) % 3]
            yield after(body.children[0], f"\n    {form}")


@operator(2.0)
def implemented_twice(code: Code) -> Iterator[Break]:
    """A small `impl Trait for T` stands there twice."""
    for implementation in code.all("impl_item"):
        text = code.text(implementation)
        if implementation.child_by_field_name("trait") is not None and len(text) < 120:
            yield after(implementation, f"\n\n{text}")


@operator(2.0)
def foreign_impl(code: Code) -> Iterator[Break]:
    """`impl Trait for Local` → for a type of the standard library."""
    foreign = ("Vec<i32>", "String", "i32", "Option<u8>", "&str")
    for implementation in code.all("impl_item"):
        kind = implementation.child_by_field_name("type")
        if kind is not None and implementation.child_by_field_name("type_parameters") is None:
            yield replace(kind, foreign[code.luck(kind) % len(foreign)])


@operator(2.0)
def impl_for_generic_reversed(code: Code) -> Iterator[Break]:
    """`impl Trait for T` → `impl T for Trait`."""
    for implementation in code.all("impl_item"):
        trait, kind = implementation.child_by_field_name("trait"), implementation.child_by_field_name("type")
        if trait is not None and kind is not None:
            yield replace(trait, code.text(kind)), replace(kind, code.text(trait))


@operator(3.0)
def operand_bound(code: Code) -> Iterator[Break]:
    """A bound on an operator loses its output: `T: Add<Output = T>` → `T: Add`, `T: Clone`."""
    for bounds in code.all("trait_bounds"):
        for bound in elements(bounds):
            if bound.type == "generic_type" and "Output" in code.text(bound):
                name = bound.child_by_field_name("type")
                yield replace(bound, code.text(name))
                yield replace(bound, "Clone")
