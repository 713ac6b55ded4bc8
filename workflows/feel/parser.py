"""Builds the syntax tree of an expression (DMN 10.3.1.2) by precedence climbing; it evaluates nothing.

Adjacent words join into one name, so `working days after(now(), 3)` needs no table of names; names with other marks in them
(`a+b`, `date and time`) are recognised when they are known: built in, declared by the caller, or bound further left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

from workflows.feel import syntax
from workflows.feel.errors import FeelLimitError, Words
from workflows.feel.lexer import Token, syntax_error, tokenize, unescape
from workflows.feel.literals import parse_at_literal
from workflows.feel.names import KEYWORDS, KnownNames
from workflows.feel.syntax import Node
from workflows.feel.type_parser import TypeParser
from workflows.feel.values import MAXIMUM_DEPTH

COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">="))
_ENDS_ENDPOINT = frozenset((")", "]", ".", ",", "}", ":", "=", "!=", "<", "<=", ">", ">=", "*", "/", "+", "..", "**"))
_WORDS_END = frozenset(("and", "or", "then", "else", "return", "satisfies", "in", "between", "instance"))

Tree = TypeVar("Tree")


class Parser(TypeParser):
    """One parse of one text. `depth` counts open brackets and nested constructs against MAXIMUM_DEPTH."""

    def __init__(self, text: str, known_names: Iterable[str] = (), types: Callable[[str], object] | None = None) -> None:
        super().__init__(text, tokenize(text), KnownNames(known_names), types)
        self.depth = 0
        self.endpoint = False

    def parse_expression(self) -> Node:
        """The whole text as one expression."""
        node = self.expression()
        self.expect_end()
        return node

    def parse_unary_tests(self) -> syntax.UnaryTests:
        """The whole text as the cell of a decision table (rule 7: positive unary tests, not(...), or -)."""
        if self.token.kind == "end" or (self.at("-") and self.following().kind == "end"):
            return syntax.UnaryTests(False, ())
        if self.token.text == "not" and self.following().text == "(":
            start = self.index
            self.advance(2)
            tests = self.tests(")")
            if self.at(")") and self.following().kind == "end":
                return syntax.UnaryTests(True, tests)
            self.index = start
        tests = self.tests("")
        self.expect_end()
        return syntax.UnaryTests(False, tests)

    def tests(self, closing: str) -> tuple[Node, ...]:
        """Comma-separated unary tests up to `closing`."""
        found = [self.test()]
        while self.accept(","):
            found.append(self.test())
        if closing and not self.at(closing):
            raise self.error(Words(f"缺少 {closing}", f"a {closing} is missing"))
        return tuple(found)

    def test(self) -> Node:
        if self.token.kind == "mark" and self.token.text in COMPARISONS:
            operator = self.next().text
            return syntax.UnaryRange(operator, self.additive())
        return self.expression()

    def expression(self) -> Node:
        """A whole expression, which may be a range written as a comparison, such as `< 5`."""
        with self.nested():
            if self.token.kind == "mark" and self.token.text in COMPARISONS:
                return self.test()
            return self.disjunction()

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise FeelLimitError(Words(f"表达式嵌套超过 {MAXIMUM_DEPTH} 层；请拆开写", f"the expression is nested deeper than {MAXIMUM_DEPTH} levels; split it into parts"))
        endpoint, self.endpoint = self.endpoint, False
        yield
        self.endpoint = endpoint
        self.depth -= 1

    def disjunction(self) -> Node:
        node = self.conjunction()
        while self.accept_word("or"):
            node = syntax.Binary("or", node, self.conjunction())
        return node

    def conjunction(self) -> Node:
        node = self.comparison()
        while self.accept_word("and"):
            node = syntax.Binary("and", node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.additive()
        while True:
            if self.token.kind == "mark" and self.token.text in COMPARISONS:
                operator = self.next().text
                node = syntax.Binary(operator, node, self.additive())
            elif self.accept_word("between"):
                low = self.additive()
                self.expect_word("and")
                node = syntax.Between(node, low, self.additive())
            elif self.accept_word("in"):
                node = syntax.In(node, self.in_tests())
            else:
                return node

    def in_tests(self) -> tuple[Node, ...]:
        """What follows `in`: one test, or several in parentheses."""
        if not self.at("("):
            return (self.in_test(),)
        start = self.index
        self.advance(1)
        tests = self.tests("")
        if self.accept(")"):
            return tests
        self.index = start
        return (self.in_test(),)

    def in_test(self) -> Node:
        if self.token.kind == "mark" and self.token.text in COMPARISONS:
            return self.test()
        return self.additive()

    def additive(self) -> Node:
        node = self.multiplicative()
        while self.token.kind == "mark" and self.token.text in ("+", "-"):
            operator = self.next().text
            node = syntax.Binary(operator, node, self.multiplicative())
        return node

    def multiplicative(self) -> Node:
        node = self.exponentiation()
        while self.token.kind == "mark" and self.token.text in ("*", "/"):
            operator = self.next().text
            node = syntax.Binary(operator, node, self.exponentiation())
        return node

    def exponentiation(self) -> Node:
        node = self.negation()
        while self.accept("**"):
            node = syntax.Binary("**", node, self.negation())
        return node

    def negation(self) -> Node:
        if not self.accept("-"):
            return self.instance_of()
        with self.nested():
            operand = self.negation()
        if isinstance(operand, syntax.Literal) and isinstance(operand.value, Decimal):
            return syntax.Literal(operand.value.copy_negate())
        return syntax.Negation(operand)

    def instance_of(self) -> Node:
        node = self.postfix()
        while self.token.text == "instance" and self.following().text == "of":
            self.advance(2)
            node = syntax.InstanceOf(node, self.type())
        return node

    def postfix(self) -> Node:
        node = self.primary()
        while self.token.kind == "mark":
            if self.at(".") and self.following().kind != "end":
                self.advance(1)
                node = syntax.Path(node, self.name(Words("属性名", "the name of a property")))
            elif self.at("[") and not self.closes_endpoint():
                self.advance(1)
                node = syntax.Filter(node, self.expression())
                self.expect("]")
            elif self.at("("):
                node = syntax.Call(node, self.arguments())
            else:
                return node
        return node

    def closes_endpoint(self) -> bool:
        """Whether `[` after an endpoint ends an interval such as ]1..2[ rather than opening a filter."""
        following = self.following()
        if not self.endpoint:
            return False
        return following.kind == "end" or following.text in _ENDS_ENDPOINT or following.text in _WORDS_END

    def arguments(self) -> tuple[tuple[str | None, Node], ...]:
        self.expect("(")
        found: list[tuple[str | None, Node]] = []
        while not self.at(")"):
            found.append((self.argument_name(), self.expression()))
            if not self.accept(","):
                break
        self.expect(")")
        if len({name is None for name, _ in found}) > 1:
            raise self.error(Words("一次调用里不能混用具名参数和按位参数", "named and positional arguments cannot be mixed in one call"))
        return tuple(found)

    def argument_name(self) -> str | None:
        """The name before a colon, when there is one."""
        start = self.index
        if self.token.kind == "name":
            name = self.name_until_colon()
            if name is not None:
                self.expect(":")
                return name
        self.index = start
        return None

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.advance(1)
            return syntax.Literal(Decimal(token.text))
        if token.kind == "string":
            self.advance(1)
            return syntax.Literal(unescape(token.text))
        if token.kind == "at":
            self.advance(1)
            return syntax.Literal(parse_at_literal(unescape(token.text[1:])))
        if token.kind == "mark":
            return self.bracketed(token)
        if token.kind == "name":
            return self.word(token)
        raise self.error(Words("表达式没有写完", "the expression ends too early"), Words("末尾缺少内容", "something is missing at the end"))

    def bracketed(self, token: Token) -> Node:
        match token.text:
            case "(":
                return self.parenthesis()
            case "[":
                return self.list_or_interval()
            case "]":
                self.advance(1)
                return self.interval_rest(self.expression(), False)
            case "{":
                return self.context()
            case "?":
                self.advance(1)
                return syntax.Name("?")
        hint = Words('文字用双引号 "…"', 'texts stand in double quotes "…"') if token.text in ("'", "’") else None
        raise self.error(Words(f"{token.text} 不应出现在这里", f"{token.text} is not expected here"), hint)

    def parenthesis(self) -> Node:
        self.advance(1)
        node = self.expression()
        if self.at(".."):
            return self.interval_rest(node, False)
        self.expect(")")
        return node

    def list_or_interval(self) -> Node:
        self.advance(1)
        if self.accept("]"):
            return syntax.ListLiteral(())
        first = self.expression()
        if self.at(".."):
            return self.interval_rest(first, True)
        entries = [first]
        while self.accept(","):
            entries.append(self.expression())
        self.expect("]")
        return syntax.ListLiteral(tuple(entries))

    def interval_rest(self, start: Node, start_included: bool) -> Node:
        """From the two dots of an interval to its closing bracket."""
        self.expect("..")
        with self.nested():
            self.endpoint = True
            end = self.additive()
        closing = self.token.text
        if closing not in ("]", ")", "["):
            raise self.error(Words("区间没有结束", "the interval is not closed"), Words("以 ] 或 ) 结束", "end it with ] or )"))
        self.advance(1)
        return syntax.Interval(start, end, start_included, closing == "]")

    def context(self) -> Node:
        self.expect("{")
        entries: list[tuple[str, Node]] = []
        with self.known.scope():
            while not self.at("}"):
                key = self.context_key()
                self.expect(":")
                entries.append((key, self.expression()))
                self.known.add(key)
                if not self.accept(","):
                    break
        self.expect("}")
        if len({key for key, _ in entries}) < len(entries):
            raise self.error(Words("上下文中有重复的键", "a context has the same key twice"))
        return syntax.ContextLiteral(tuple(entries))

    def context_key(self) -> str:
        if self.token.kind == "string":
            return unescape(self.next().text)
        name = self.name_until_colon()
        if name is None:
            raise self.error(Words("这里应是上下文的键", "the key of a context entry is expected"), Words("写成 {key: value}", "write {key: value}"))
        return name

    def word(self, token: Token) -> Node:
        known = self.known.longest(self.tokens, self.index)
        if token.text in KEYWORDS and known <= 1:
            return self.keyword(token)
        return syntax.Name(self.name(Words("名字", "a name")))

    def keyword(self, token: Token) -> Node:
        match token.text:
            case "true" | "false":
                self.advance(1)
                return syntax.Literal(token.text == "true")
            case "null":
                self.advance(1)
                return syntax.Literal(None)
            case "not" | "and" | "or" if self.following().text == "(":
                self.advance(1)
                return syntax.Name(token.text)
            case "if":
                return self.conditional()
            case "for":
                return self.for_loop()
            case "some" | "every":
                return self.quantified()
            case "function" if self.following().text == "(":
                return self.function_definition()
        raise self.error(Words(f"词 {token.text} 不应出现在这里", f"the word {token.text} is not expected here"), Words("它是语言的保留词，不能作名字", "it is a word of the language, not a name"))

    def conditional(self) -> Node:
        self.advance(1)
        condition = self.expression()
        self.expect_word("then")
        then = self.expression()
        self.expect_word("else")
        return syntax.If(condition, then, self.expression())

    def for_loop(self) -> Node:
        self.advance(1)
        with self.known.scope():
            self.known.add("partial")
            iterators = self.iterators()
            self.expect_word("return")
            return syntax.For(iterators, self.expression())

    def quantified(self) -> Node:
        kind = self.next().text
        with self.known.scope():
            iterators = self.iterators()
            self.expect_word("satisfies")
            return syntax.Quantified(kind, iterators, self.expression())

    def iterators(self) -> tuple[syntax.Iterator, ...]:
        found: list[syntax.Iterator] = []
        while True:
            name = self.name(Words("变量名", "the name of the variable"))
            self.expect_word("in")
            source = self.expression()
            end = self.expression() if self.accept("..") else None
            found.append(syntax.Iterator(name, source, end))
            self.known.add(name)
            if not self.accept(","):
                return tuple(found)

    def function_definition(self) -> Node:
        self.advance(2)
        parameters = []
        with self.known.scope():
            while not self.at(")"):
                name = self.name(Words("参数名", "the name of a parameter"))
                parameters.append((name, self.type() if self.accept(":") else None))
                self.known.add(name)
                if not self.accept(","):
                    break
            self.expect(")")
            external = self.accept_word("external")
            body = self.expression()
        return syntax.FunctionDefinition(tuple(parameters), None if external else body)


def parse_expression(text: str, known_names: Iterable[str] = (), types: Callable[[str], object] | None = None) -> Node:
    """The syntax tree of an expression; FeelSyntaxError says where it is not one."""
    return _guarded(text, lambda: Parser(text, known_names, types).parse_expression())


def parse_unary_tests(
    text: str, known_names: Iterable[str] = (), types: Callable[[str], object] | None = None
) -> syntax.UnaryTests:
    """The syntax tree of a decision table's cell."""
    return _guarded(text, lambda: Parser(text, known_names, types).parse_unary_tests())


def _guarded(text: str, parse: Callable[[], Tree]) -> Tree:
    try:
        return parse()
    except RecursionError:
        raise syntax_error(text, 0, Words("表达式嵌套太深", "the expression is nested too deeply")) from None
