//! Operations over the items of a list.

use super::{
    compile::{Expr, Iteration},
    datum::Datum,
    evaluate::{Data, Scope},
};

pub(super) fn iterate<'a>(
    iteration: Iteration,
    list: &'a Expr,
    rule: &'a Expr,
    scope: &Scope<'a>,
    data: &Data<'a>,
) -> Datum<'a> {
    let list = list.on(scope, data);
    let mut items = list.items().into_iter().flatten().take_while(|_| scope.fuel.take(1));
    let of = |item: &Datum<'a>| rule.on(scope, &Data::Item(item.clone()));
    match iteration {
        Iteration::Map => Datum::list(items.map(|item| of(&item)).collect(), &scope.fuel),
        Iteration::Filter => Datum::list(items.filter(|item| of(item).is_truthy()).collect(), &scope.fuel),
        // Of no items not all are anything, by the reference.
        Iteration::All => {
            Datum::Bool(list.length().is_some_and(|length| length > 0) && items.all(|item| of(&item).is_truthy()))
        }
        Iteration::Some => Datum::Bool(items.any(|item| of(&item).is_truthy())),
        Iteration::None => Datum::Bool(!items.any(|item| of(&item).is_truthy())),
    }
}

pub(super) fn reduce<'a>(arguments: &'a [Expr], scope: &Scope<'a>, data: &Data<'a>) -> Datum<'a> {
    let [list, rule, rest @ ..] = arguments else { return Datum::Null };
    let start = rest.first().map_or(Datum::Null, |start| start.on(scope, data));
    let list = list.on(scope, data);
    let items = list.items().into_iter().flatten().take_while(|_| scope.fuel.take(1));
    items.fold(start, |accumulator, current| rule.on(scope, &Data::Reduction { current, accumulator }))
}
