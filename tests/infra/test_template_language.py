"""Templates as the stand-in reads them: worked out, or refused where something is not known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.deployments.empty_estate import DEV, PLACES
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.template import Template

AT = PLACES[DEV]
ACCOUNT = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2024-01-01", "name": "st"}


def nobody(*_: Any) -> Any:
    raise AssertionError("nothing is there to ask for")


def worked_out(text: str) -> Any:
    document = {
        "parameters": {"one": {"type": "string", "defaultValue": "1"}},
        "variables": {"list": ["a", {"Name": "b"}],
                      "word": "[format('{0}{0}', parameters('one'))]"},
        "resources": [], "outputs": {"it": {"type": "string", "value": text}},
    }  # fmt: skip
    return Template(document, {}, AT, nobody).outputs()["it"]["value"]


def laid(*resources: dict[str, Any], **given: Any) -> Template:
    document = {"parameters": {"n": {"type": "int", "minValue": 1, "defaultValue": 2}},
                "resources": list(resources)}  # fmt: skip
    return Template(document, {key: {"value": each} for key, each in given.items()}, AT, nobody)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("[[not an expression]", "[not an expression]"),
        ("[variables('list')[1].name]", "b"),
        ("[concat('it''s ', variables('word'))]", "it's 11"),
        ("[if(empty(''), 'yes', reference('nothing'))]", "yes"),
        ("[resourceId('A.B/c/d', 'x', 'y')]", f"{AT.id}/providers/A.B/c/x/d/y"),
        ("[resourceId('other', 'A.B/c', 'x')]", f"/subscriptions/{AT.subscription}/resourceGroups"
                                                "/other/providers/A.B/c/x"),
        ("[resourceId('s', 'g', 'A.B/c', 'x')]", "/subscriptions/s/resourceGroups/g/providers"
                                                 "/A.B/c/x"),
        ("[last(split('a/b/c', '/'))]", "c"),
        ("[guid('a', 'b')]", "2d796349-8c7e-55ec-9624-54ece82ed031"),
        ("[createObject('a', 1, 'b', createArray(true(), null()))]", {"a": 1, "b": [True, None]}),
    ],
)  # fmt: skip
def test_an_expression_stands_for_its_value(text, value):
    assert worked_out(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[unheardOf('a')]", "function 'unheardOf' is not valid"),
        ("[format('a']", "unable to read the expression"),
        ("[format('a') 'b']", "is too much"),
        ("[format(§)]", "nothing is meant"),
        ("[variables('list')[7]]", "'7' doesn't exist"),
        ("[variables('none')]", "no variables 'none'"),
        ("[parameters('none')]", "no parameters 'none'"),
        ("[copyIndex()]", "outside of a copy"),
        ("[resourceId('A.B/c', 'x', 'y')]", "different numbers of segments"),
    ],
)
def test_an_expression_that_means_nothing_is_refused(text, why):
    with pytest.raises(Wrong, match="InvalidTemplate") as refused:
        worked_out(text)

    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ([ACCOUNT, ACCOUNT], "more than once"),
        ([{**ACCOUNT, "dependsOn": ["nobody"]}], "not defined in the template"),
        ([{**ACCOUNT, "name": "a/b"}], "different numbers of segments"),
        ([{**ACCOUNT, "name": "[reference('x').y]"}], "nothing is made yet"),
        ([{**ACCOUNT, "zones": ["1"]}], "zones"),
    ],
)
def test_resources_that_cannot_be_laid_out_are_refused(resources, why):
    with pytest.raises(Wrong, match=why):
        laid(*resources)


def test_a_circle_of_dependencies_is_found():
    names = {name: f"{AT.id}/providers/{ACCOUNT['type']}/{name}" for name in "ab"}
    template = laid({**ACCOUNT, "name": "a", "dependsOn": [names["b"]]},
                    {**ACCOUNT, "name": "b", "dependsOn": [names["a"]]})  # fmt: skip

    with pytest.raises(Wrong, match="circular dependency"):
        list(template.ordered())


def test_a_copy_is_as_many_as_it_says_and_one_left_out_is_waited_for_by_nobody():
    copied = {**ACCOUNT, "name": "[format('st{0}', copyIndex())]",
              "copy": {"name": "many", "count": "[parameters('n')]"}}  # fmt: skip
    left_out = {**ACCOUNT, "name": "none", "condition": False}
    last = {**ACCOUNT, "name": "last",
            "dependsOn": ["many", f"{AT.id}/providers/{ACCOUNT['type']}/none"]}  # fmt: skip

    made = [each.id.rpartition("/")[2] for each in laid(last, copied, left_out).ordered()]

    assert made == ["st1", "st0", "last"]


@pytest.mark.parametrize(
    ("given", "why"),
    [({"n": 0}, "below its least"), ({"n": "2"}, "is str, not int"), ({"n": True}, "bool"),
     ({"m": 1}, "no parameters")],
)  # fmt: skip
def test_a_parameter_that_does_not_fit_is_refused(given, why):
    with pytest.raises(Wrong, match=why):
        laid(ACCOUNT, **given)
